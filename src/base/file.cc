#include "base/file.h"

#include <fstream>
#include <sstream>

namespace modelrun {

Result<std::string> read_file(const std::string& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) return fail(ErrorKind::kNotFound, "{} cannot be read, or is empty", path);
  return text.str();
}

}  // namespace modelrun
