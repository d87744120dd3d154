// From the end of a point's process to the row of the point (api/points.h).
#pragma once

#include <chrono>
#include <string>

#include "api/points.h"
#include "api/sandbox.h"
#include "sandbox/collect.h"

namespace modelrun::sandbox {

// What is collected of /outputs after a point: values that fit into a row. Of other files only some names are, for a
// warning.
CollectLimits point_limits();

// The row of a point whose process has ended as `exit` says, with what was collected by point_limits() and the end of
// its stderr. The rules and words are those of a run (controller/run/verdict.h); files that are no outputs are not
// kept, and a warning says so. Pure.
api::PointRow row_of(std::int64_t point, std::chrono::seconds timeout, const api::ExitRecord& exit, Collected collected,
                     std::string err);

}  // namespace modelrun::sandbox
