// One pass over one project: numbers and slots for the runs that wait, the project's status, and its history limits.
#pragma once

#include <stop_token>
#include <string>

#include "controller/context.h"
#include "runtime/workers.h"

namespace modelrun::controller {

// `key` is "namespace/name". Safe to call from many threads for different keys.
runtime::Outcome reconcile_project(const Context& context, const std::string& key, std::stop_token stop);

}  // namespace modelrun::controller
