// One pass over one project: observe, decide, apply. A pass gives run numbers and concurrency slots to the runs that
// wait, writes the project's status, and enforces its history limits.
#pragma once

#include <stop_token>
#include <string>

#include "controller/context.h"
#include "runtime/workers.h"

namespace modelrun::controller {

// `key` is "namespace/name". Does nothing for a project that is gone or being deleted. Blocks. Safe to call from many
// threads for different keys.
runtime::ReconcileResult reconcile_project(const Context& context, const std::string& key, std::stop_token stop);

}  // namespace modelrun::controller
