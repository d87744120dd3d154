// Encodes what differs between two runs as the JSON objects that clients of the gateway receive; docs/gateway.md lists
// their fields. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "sweep/run_comparison.h"

namespace modelrun::gateway {

// The fields inputs, diff, series and summary. Numbers in them are JSON numbers: of those with more than 17 digits the
// nearest binary64. `threshold`: in percent, as the comparison was made with.
nlohmann::json comparison_fields(const sweep::RunComparison& compared, double threshold);

// The same fields of two runs that cannot be compared.
nlohmann::json no_comparison();

}  // namespace modelrun::gateway
