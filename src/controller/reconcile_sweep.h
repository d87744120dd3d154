// One pass over one sweep: observe, decide, apply. A pass makes runs, tells those under way to stop, writes the sweep's
// progress, and in the end its table.
#pragma once

#include <stop_token>
#include <string>

#include "controller/context.h"
#include "runtime/workers.h"

namespace modelrun::controller {

// `key` is "namespace/name". Does nothing for a sweep that is gone or being deleted: its runs and its table go with it.
// Fails with the error of the request that failed, which the sweep's status tells once it has lasted for five seconds.
// Blocks. Safe to call from many threads for different keys.
runtime::ReconcileResult reconcile_sweep(const Context& context, const std::string& key, std::stop_token stop);

// Drops all that this process keeps in memory about the sweep, except the cached object. Thread-safe.
void forget_sweep(const Context& context, const api::ObjectMeta& sweep);

}  // namespace modelrun::controller
