// One pass over one run: observe, decide, apply.
#pragma once

#include <stop_token>
#include <string>

#include "controller/context.h"
#include "runtime/workers.h"

namespace modelrun::controller {

// `key` is "namespace/name". Safe to call from many threads for different keys.
runtime::Outcome reconcile_run(const Context& context, const std::string& key, std::stop_token stop);

// What is kept in memory about the run of that uid, besides the caches, goes: it is over, or gone. Thread-safe.
void forget(const Context& context, const std::string& uid);

}  // namespace modelrun::controller
