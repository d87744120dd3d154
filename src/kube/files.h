// Reads small text files.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::kube {

// Returns the whole file. kTooLarge when it has more than `limit` bytes, kNotFound when it does not exist, kDenied
// when it may not be read; other failures by their errno (see errno_error() in base/error.h).
Result<std::string> read_text_file(const std::string& path, std::size_t limit = 1U << 20U);

// What may stand around the text of such a file, for trimmed().
inline constexpr std::string_view kBlank = " \t\r\n";

}  // namespace modelrun::kube
