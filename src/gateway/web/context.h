// The objects that the endpoints of both protocols work with.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/auth/auth.h"
#include "gateway/auth/identity.h"
#include "gateway/runs/call.h"
#include "gateway/runs/run_service.h"
#include "gateway/runs/sweep_service.h"
#include "gateway/tools/tools.h"
#include "gateway/web/visit.h"
#include "runtime/metrics.h"

namespace modelrun::gateway {

// A call of a tool that may begin.
struct Admitted {
  nlohmann::json arguments;   // as read_arguments() gives them
  std::vector<Place> places;  // what the call takes while it lasts
  bool waits = false;         // for a run or a sweep
};

// The answer to a call of a tool that was made from memory alone, and what the span of the request says of the call.
struct ToolAnswer {
  std::string_view tool;
  std::string meta;     // the traceparent in an MCP message; empty: none
  std::string run_uid;  // of the run that it is about; empty: none
  HttpAnswer answer;
};

// Made and owned by App, which outlives every visit. Thread-safe. Everything that it refers to must outlive it.
struct WebContext {
  RunService& runs;
  SweepService& sweeps;
  Authenticator& authenticator;
  const Identity* everybody;  // not null: authentication is off, and every caller has this identity
  const Clock& clock;
  runtime::Metrics& metrics;
  CallTimes times;
  Places waiting;       // for calls that wait for a run or a sweep
  Places logs;          // for logs that are followed
  Places log_reads;     // for logs that are read to their present end
  Places explanations;  // for calls that read the results of many runs

  // Gives back most of what a request has taken of its caller's rate, as it asks little of the gateway and nothing of
  // the API server. Set by App.
  std::function<void(const Identity& caller)> cheap = [](const Identity&) {};

  // Takes one more request of the caller's rate, if need be before the caller has gained it; false if that would take
  // too long. Set by App.
  std::function<bool(const Identity& caller)> charge = [](const Identity&) { return true; };

  // Reads the arguments of a call of `tool`, and takes the places that such a call needs while it lasts: one of
  // `waiting` if it waits for a run or a sweep, one of `log_reads` if it reads from a node, one of `explanations` if it
  // reads the results of many runs. Counts a refusal. Fails as read_arguments() and Places::take().
  [[nodiscard]] Result<Admitted> admit(const Tool& tool, nlohmann::json arguments, const Identity& caller);

  // Counts a request that is refused because there is too much of something: `reason` is a label of the metric.
  void refused(const std::string& reason) const {
    metrics
        .counter("modelrun_gateway_refused_total", "Connections and requests that were refused", {{"reason", reason}})
        .Increment();
  }

  // The Call with which `visit` calls a tool or waits for a run or a sweep. It has no idempotency key, no on_tick and
  // on_sweep_tick, and no cancel_on_stop; the endpoint sets what it needs. The call shares the ownership of the visit,
  // and must not outlive this object.
  [[nodiscard]] Call call_of(const Visit& visit) const;
};

}  // namespace modelrun::gateway
