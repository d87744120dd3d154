# cmake -DINPUT=harness.py -DOUTPUT=harness_text.cc -P embed.cmake: the file as a C++ string, 12,000 bytes a literal.
file(READ ${INPUT} text)
string(LENGTH "${text}" size)
set(body "")
set(at 0)
while(at LESS size)
  string(SUBSTRING "${text}" ${at} 12000 part)
  string(APPEND body "R\"~~~(${part})~~~\"\n")
  math(EXPR at "${at} + 12000")
endwhile()
file(WRITE ${OUTPUT} "// Generated from ${INPUT}.
#include \"sandbox/harness_text.h\"

namespace modelrun::sandbox {
std::string_view harness_text() {
  return
${body};
}
}  // namespace modelrun::sandbox
")
