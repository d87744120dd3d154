// The span of a request that calls a tool.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "gateway/http/http.h"
#include "traces/span.h"

namespace modelrun::gateway {

// The traceparent header of the request; nullopt if there is none that api::parse_traceparent() takes.
std::optional<api::TraceContext> trace_of(const HttpRequest& request);

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
  // What is done for the request is a child of this span: the value of a traceparent.
  [[nodiscard]] std::string traceparent() const;
  [[nodiscard]] bool called() const;

  // What the tool answers: notes the run or the sweep, or the error.
  void outcome(const Result<nlohmann::json>& fields);
  void note_run(std::string_view uid);

  // Hands the span to the tracer, if a tool was called and the trace is sampled. Call it once, at the end of the
  // request. It has failed if outcome() was told an error, or `status` is 400 or more.
  void end(int status, Time now);

 private:
  void enter(const api::TraceContext& parent) REQUIRES(mutex_);

  traces::Tracer& tracer_;
  const std::string method_;
  const std::string route_;
  mutable Mutex mutex_;
  bool has_parent_ GUARDED_BY(mutex_) = false;
  bool called_ GUARDED_BY(mutex_) = false;
  traces::Span span_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::gateway
