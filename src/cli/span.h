// Reads spans of time as people write them on a command line. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace modelrun::cli {

// The seconds that `text` means: a whole number of seconds ("90"), or numbers with the units h, m and s, each at most
// once and in this order ("90s", "5m", "1h30m"). kInvalid for anything else, zero and negative spans included, and for
// more than a year.
Result<std::int64_t> parse_span(std::string_view text);

}  // namespace modelrun::cli
