// The five tools, apart from any protocol: arguments in, fields out. MCP and plain HTTP both call them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "gateway/run_service.h"

namespace modelrun::gateway {

struct ToolTimes {
  std::chrono::milliseconds heartbeat{10'000};    // between two ticks of a call that waits
  std::chrono::milliseconds pin_timeout{10'000};  // how long an async run may wait for its commit
};

// One call. References must outlive it.
struct ToolCall {
  Identity caller;
  RunService& runs;
  ToolTimes times;
  const Clock* clock = nullptr;  // for the end of the caller's token; null: tokens do not end
  // Looks at the caller's token once more; kDenied: it was revoked. Empty: tokens are not revoked.
  std::function<Result<void>(std::stop_token stop)> recheck = {};
  std::string idempotency_key;  // empty: none
  std::string traceparent;      // of W3C Trace Context; empty: none
  // Asked once `stop` has fired: whether the run is to be cancelled with the call. Even then only one that this very
  // call has created, and without an idempotency key, is. May be empty: no.
  std::function<bool()> cancel_on_stop;
  // Hears of each change of a run that is waited for, and at least every `heartbeat`. May be empty.
  std::function<void(const RunSummary&)> on_tick;
  // Hears what came of a call of `run`: the mode, and the run's status word, or "error" when the call got none. May be
  // empty.
  std::function<void(std::string_view mode, std::string_view outcome)> on_outcome = {};
  std::stop_token stop;  // the client has gone, or the server ends
  // Runs work that may block, soon and on another thread: what a call that waits has to do in between. Empty: such work
  // is done on the thread that all who wait share, which is for tests.
  std::function<void(std::function<void()>)> later{};
};
using CallPtr = std::shared_ptr<const ToolCall>;
// Takes a call's answer: the fields of the output schema.
using Done = std::function<void(Result<nlohmann::json>)>;

struct Tool {
  std::string_view name;
  std::string_view title;
  std::string_view description;
  bool read_only = false;
  bool idempotent = false;
  bool destructive = false;
  nlohmann::json input_schema;
  nlohmann::json output_schema;
  void (*call)(const nlohmann::json& arguments, const CallPtr& call, const Done& done);
  // The answer, when it can be given at once and without blocking; else nothing. Null: never.
  std::optional<nlohmann::json> (*recall)(const nlohmann::json& arguments, const Identity& caller,
                                          RunService& runs) = nullptr;
};

// In the order in which they are listed, always the same.
std::span<const Tool> tools();
// Null when there is none of that name.
const Tool* find_tool(std::string_view name);

// Whether the work that `tool` was to do itself has failed, though the call has an answer: a sync run that did not end
// in success. That get_run tells of a failed run is no failure of get_run.
bool failed_work(std::string_view tool, const nlohmann::json& answer);

// Whether a call may take longer than a moment, so that it is worth a stream.
bool may_wait(std::string_view tool, const nlohmann::json& arguments);

// Checks the arguments' names and types against the tool's schema, then calls it. `done` is called once: before this
// returns, or later on a thread of call->later when the tool waits for a run; no thread is held meanwhile. kInvalid
// says which argument is wrong and what it should be; the other kinds are those of RunService.
void call_tool(const Tool& tool, const nlohmann::json& arguments, const CallPtr& call, const Done& done);
// What call_tool() would answer, when that can be told without blocking. Nothing: call_tool() it is, for errors too.
std::optional<nlohmann::json> recall_tool(const Tool& tool, const nlohmann::json& arguments, const Identity& caller,
                                          RunService& runs);

}  // namespace modelrun::gateway
