// The span of a request that calls a tool.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "gateway/http/http.h"
#include "traces/span.h"

namespace modelrun::gateway {

// What a client's traceparent is handed on as; empty if it is none that api::parse_traceparent() takes.
std::string handed_on(std::string_view traceparent);

// Thread-safe. Its trace is that of the request's traceparent, else a new one. A request that calls no tool leaves no
// span.
//
//   ServerSpan span(tracer, request, clock.now());
//   span.call("run");
//   call.traceparent = span.traceparent();
//   span.outcome(fields);
//   span.end(200, clock.now());
class ServerSpan {
 public:
  // `tracer` must outlive it.
  ServerSpan(traces::Tracer& tracer, const HttpRequest& request, Time begin);
  ServerSpan(const ServerSpan&) = delete;
  ServerSpan& operator=(const ServerSpan&) = delete;

  // The request calls the tool of this name. `meta` is the traceparent of an MCP message, which counts if the request
  // has none in its head; else "".
  void call(std::string_view tool, std::string_view meta = {});
  // Returns the traceparent for what is done on behalf of the request: that of this span, or that of the client if no
  // tool was called. Empty if there is neither.
  [[nodiscard]] std::string traceparent() const;
  [[nodiscard]] bool called() const;

  // What the tool answers: notes the run or the sweep, or that it failed. The message of an error stays here, as it may
  // have text of models and callers.
  void outcome(const Result<nlohmann::json>& fields);
  void note_run(std::string_view uid);

  // Hands the span to the tracer, if a tool was called and the trace is sampled. Call it once, at the end of the
  // request. It counts as failed if `status` is 500 or more, or a call by MCP was answered with an error: what a client
  // did wrong is no failure of a server (semantic conventions for HTTP spans, "Status").
  void end(int status, Time now);

 private:
  void begin_trace(std::string_view meta) REQUIRES(mutex_);

  traces::Tracer& tracer_;
  const std::string method_;
  const std::string route_;
  const std::string header_;  // traceparent
  mutable Mutex mutex_;
  bool called_ GUARDED_BY(mutex_) = false;
  bool failed_ GUARDED_BY(mutex_) = false;  // as outcome() was told
  traces::Span span_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::gateway
