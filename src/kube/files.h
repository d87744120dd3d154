// Reading small text files.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"

namespace modelrun::kube {

// The whole file; kTooLarge above `limit` bytes, else as errno has it.
Result<std::string> read_text_file(const std::string& path, std::size_t limit = 1U << 20U);

// Without spaces and line ends at either end.
std::string trimmed(std::string_view text);

}  // namespace modelrun::kube
