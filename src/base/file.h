// Reads small files such as certificates, tokens and configuration.
#pragma once

#include <string>

#include "base/error.h"

namespace modelrun {

// Returns the contents of the file at `path`. Reads it into memory without a limit, and blocks meanwhile. Every
// failure is kNotFound, whatever its cause: the file does not exist, may not be read, or is empty.
Result<std::string> read_file(const std::string& path);

}  // namespace modelrun
