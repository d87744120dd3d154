// The histograms about standbys (api/standby.h).
#pragma once

#include <string>

#include "api/object_meta.h"
#include "controller/context.h"

namespace modelrun::controller {

// Call when a run could have the standby with this Job. Records how long that took since this process made it, once.
void count_refill(const Context& context, const std::string& job_uid);

// Call when a run has adopted the standby. Records its age, and what count_refill() records, if that was not seen.
void count_adoption(const Context& context, const api::ObjectMeta& job);

}  // namespace modelrun::controller
