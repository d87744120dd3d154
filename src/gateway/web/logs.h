// Serves GET /v1/runs/{run_id}/logs: the log of a run as server-sent events with JSON data.
//   status          the run's status word: at the beginning, and when it changes
//   log             a piece of what the running model prints (both streams); {"text"}
//   stdout, stderr  once the run is over: what was kept of each stream; {"text", "truncated"}
//   end             the last event; {"status", "exit_code"}
//   error           a problem document (RFC 9457), in place of `end` if the wait or the reading of the result fails
// A run that is over already sends stdout, stderr and end only. Comment lines are sent in between, to keep the
// connection alive.
#pragma once

#include <string>

#include "gateway/web/context.h"
#include "gateway/web/visit.h"

namespace modelrun::gateway {

// Answers the request. Blocks only while it asks Kubernetes; then keeps the visit until the run is over, the client
// leaves, or the caller loses the token or the right to see the run. While the model runs, one thread of its own
// reads its log, and waits for the client when that reads slowly; no other thread does. Answers with a problem document
// if there is no such run, and with 429 if --max-logs logs are followed already, or --max-logs-per-caller by this
// caller.
void serve_logs(WebContext& web, const Visit& visit, const std::string& run_id);

}  // namespace modelrun::gateway
