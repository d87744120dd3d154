// Gives the pods of runs what they execute: the source, and to adopted standbys the rest of their work too.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "controller/context.h"
#include "source/archive.h"

namespace modelrun::controller {

// Requests and notes about a run that has gone meanwhile would be kept for ever: its removal, which the caches report
// once, has been handled already. Drops them in this case.
void forget_if_gone(const Context& context, const std::string& key, const std::string& uid);

using DoneWithSource = std::function<void(Result<std::shared_ptr<const source::Archive>>)>;

// What a pod is told when what it asks for cannot be read. That the operator may not read it now, for example, is not
// the pod's fault: it asks again, unless the run is over (kConflict).
Error for_pod(const Error& error);

// Calls `done` with the archive of the run, whose pod was granted it: the run's status says Running. What goes wrong
// from here on is the reconciler's business too, because the pod by itself could only ask for ever: it is noted, and
// the run is reconciled. `project` is the project as it is now, or null. Does not block.
void give_source(const Context& context, const std::shared_ptr<const api::ModelRun>& run,
                 std::shared_ptr<const api::ModelProject> project, const DoneWithSource& done);

// If the recorded pod of the run is an adopted standby that waits for work, gives it its work. `run` is the run as the
// API server holds it, with or without the text of its parameters, which is read from there if need be.
void hand_over(const Context& context, const std::shared_ptr<const api::ModelRun>& run,
               const std::shared_ptr<const api::ModelProject>& project, const std::stop_token& stop);

}  // namespace modelrun::controller
