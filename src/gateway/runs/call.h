// One call of a client of the gateway: who calls, on what terms, and how the call can end early. The tools and the
// live logs are given one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "gateway/auth/identity.h"
#include "gateway/runs/run_service.h"
#include "gateway/runs/sweep_service.h"

namespace modelrun::gateway {

struct CallTimes {
  std::chrono::milliseconds heartbeat{10'000};      // the longest time between two calls of Call::on_tick
  std::chrono::milliseconds pin_timeout{10'000};    // the longest time a call in mode async waits for its run's commit
  std::chrono::milliseconds cancel_timeout{5'000};  // the longest time cancel_run waits for the run's end
};

// Must not change once it is shared as a CallPtr; any thread may read it then. Everything that it refers to must
// outlive it.
struct Call {
  Identity caller;
  RunService& runs;
  SweepService& sweeps;
  CallTimes times;
  const Clock* clock = nullptr;  // tells whether caller.expires has passed; null: tokens do not expire
  // Checks the caller's token once more. kDenied: the token is not valid any more, for example because it was revoked.
  // May block. Empty: a token that was valid once stays valid until it expires.
  std::function<Result<void>(std::stop_token stop)> recheck = {};
  std::string idempotency_key;  // empty: none
  std::string traceparent;      // of W3C Trace Context; empty: none
  // Called when a call that waits ends early because `stop` has fired: true if the runs or the sweep that it waits for
  // are to be cancelled too. They are cancelled only if this call has created them, and without an idempotency key.
  // Empty: they go on.
  std::function<bool()> cancel_on_stop;
  // Called with the run when a wait for it begins, when the run has changed, and at least every `heartbeat`. Never
  // called by two threads at once. May block. May be empty.
  std::function<void(const RunSummary&)> on_tick;
  // As on_tick, for a wait for a sweep.
  std::function<void(const SweepSummary&)> on_sweep_tick = {};
  // Called by the tool `run` when it answers: with the mode ("sync" or "async"), and with the run's status word or, if
  // the answer is an error, "error". May be empty.
  std::function<void(std::string_view mode, std::string_view outcome)> on_outcome = {};
  // Takes one more request of the caller's rate, for a call that makes several runs; false if the caller has none left.
  // Empty: there is no rate.
  std::function<bool()> charge = {};
  std::stop_token stop;  // fires when the client has gone or the server ends
  // Runs a function that may block on another thread, soon. A call that waits for a run or a sweep continues through it
  // each time it is woken. Empty (in tests only): the call continues on the one thread that wakes all waiting calls.
  std::function<void(std::function<void()>)> later{};
};
using CallPtr = std::shared_ptr<const Call>;

}  // namespace modelrun::gateway
