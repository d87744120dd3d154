// Reading small text files. Private to src/kube.
#pragma once

#include <string>

#include "base/error.h"

namespace modelrun::kube {

// The whole file; kTooLarge above 1 MiB, else as errno has it.
Result<std::string> read_text_file(const std::string& path);

// Without spaces and line ends at either end.
std::string trimmed(std::string_view text);

}  // namespace modelrun::kube
