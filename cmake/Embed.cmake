# modelrun_embed(TARGET NAME FILES...): puts FILES into TARGET as bytes. The header "NAME.h", made with them, declares
# `std::span<const EmbeddedFile> NAME()`; see cmake/embed.in.h.
# Run as a script (cmake -P) this file writes the two sources: -D OUT=DIR -D NAME=... -D "FILES=a;b".

if(CMAKE_SCRIPT_MODE_FILE)
  set(arrays "")
  set(rows "")
  set(index 0)
  foreach(file ${FILES})
    get_filename_component(name "${file}" NAME)
    file(READ "${file}" hex HEX)
    file(SHA256 "${file}" digest)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
    string(APPEND arrays "constexpr unsigned char kFile${index}[]{\n${bytes}\n};\n")
    string(APPEND rows "    {\"${name}\", \"${digest}\", {reinterpret_cast<const char*>(kFile${index}), sizeof kFile${index}}},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  configure_file("${CMAKE_CURRENT_LIST_DIR}/embed.in.h" "${OUT}/${NAME}.h" @ONLY)
  configure_file("${CMAKE_CURRENT_LIST_DIR}/embed.in.cc" "${OUT}/${NAME}.cc" @ONLY)
  return()
endif()

set(MODELRUN_EMBED "${CMAKE_CURRENT_LIST_FILE}")

function(modelrun_embed target name)
  list(TRANSFORM ARGN PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/embedded")
  get_filename_component(here "${MODELRUN_EMBED}" DIRECTORY)
  add_custom_command(
    OUTPUT "${out}/${name}.cc" "${out}/${name}.h"
    COMMAND ${CMAKE_COMMAND} -D "OUT=${out}" -D "NAME=${name}" -D "FILES=${ARGN}" -P "${MODELRUN_EMBED}"
    DEPENDS ${ARGN} "${MODELRUN_EMBED}" "${here}/embed.in.h" "${here}/embed.in.cc"
    COMMENT "Embedding ${name}" VERBATIM)
  target_sources(${target} PRIVATE "${out}/${name}.cc" "${out}/${name}.h")
  if(NOT TARGET embedded_files)
    add_custom_target(embedded_files) # all of them, for tools that read the sources without compiling
  endif()
  add_custom_target(${target}_${name} DEPENDS "${out}/${name}.h")
  add_dependencies(embedded_files ${target}_${name})
  target_include_directories(${target} PRIVATE "${out}")
endfunction()
