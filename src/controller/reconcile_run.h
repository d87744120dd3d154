// One pass over one run: observe, decide, apply. For a run that has ended, a pass deletes the Job and the run itself
// when their time has come.
#pragma once

#include <stop_token>
#include <string>

#include "controller/context.h"
#include "runtime/workers.h"

namespace modelrun::controller {

// `key` is "namespace/name". Does nothing for a run that is gone. Of a run that is being deleted it deletes the Jobs
// and frees the slot, and writes nothing into it. Fails with the error of the request that failed; kConflict means that
// something has changed since the caches were read. If passes over a run that has not ended keep failing for five
// seconds, its status says so; see decide_blocked(). Blocks. Safe to call from many threads for different keys.
runtime::ReconcileResult reconcile_run(const Context& context, const std::string& key, std::stop_token stop);

// Drops all that this process keeps in memory about the run (its UID and namespace are looked at), except the cached
// objects: its inbox entry, source, request for a slot, lead, and place in the line for large results. Call it when the
// run has ended or is gone. Pods that wait for an answer get one; see Inbox::forget(). Thread-safe.
void forget(const Context& context, const api::ObjectMeta& run);

}  // namespace modelrun::controller
