// Puts the result of a run together: what is known of the model's process, and what it left under /outputs.
#pragma once

#include <string_view>

#include "api/sandbox.h"
#include "sandbox/collect.h"
#include "sandbox/relay.h"

namespace modelrun::sandbox {

// A frame with the ends of the streams and the exit record. Its run and attempt are the caller's to set. Pure.
api::ResultFrame frame_of(RelayedRun run);

// Puts what was collected into the frame. When the model itself failed, that stays the cause of the run's failure, and
// a problem with its outputs is only a warning. EntryPointNotFound is the cause of such a failure, so it stays an
// error. A model that exited with a code of its own has said why in `failure`. `whose` they are: "run" or "point".
// Pure.
void add_outputs(api::ResultFrame& frame, Collected collected, std::string_view whose = "run");

}  // namespace modelrun::sandbox
