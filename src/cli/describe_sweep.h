// What `describe` prints of a sweep, on one page. Pure. Texts may contain what a model or a cluster wrote: they are not
// escaped here, but by the Console.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/describe.h"

namespace modelrun::cli {

// The page of `sweep`, a ModelSweep. `events` in any order; or why they cannot be shown. Ages are measured until `now`.
std::string describe_sweep(const nlohmann::json& sweep, const Result<std::vector<ShownEvent>>& events, Time now);

}  // namespace modelrun::cli
