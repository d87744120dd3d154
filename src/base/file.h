// Small files, whole.
#pragma once

#include <string>

#include "base/error.h"

namespace modelrun {

// What the file holds. kNotFound when it cannot be read, or is empty.
Result<std::string> read_file(const std::string& path);

}  // namespace modelrun
