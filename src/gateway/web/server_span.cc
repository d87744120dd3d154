#include "gateway/web/server_span.h"

#include <fmt/format.h>

#include "api/json_access.h"
#include "gateway/web/route_label.h"

namespace modelrun::gateway {
namespace {

constexpr std::string_view kMcp = "/mcp";
constexpr std::string_view kToolsCall = "tools/call";

}  // namespace

std::string handed_on(std::string_view traceparent) {
  const auto trace = api::parse_traceparent(traceparent);
  return trace ? api::format_traceparent(*trace) : std::string();
}

ServerSpan::ServerSpan(traces::Tracer& tracer, const HttpRequest& request, Time begin)
    : tracer_(tracer),
      method_(request.head ? "HEAD" : request.method),
      route_(route_label(request.path)),
      header_(request.header("traceparent").value_or("")) {
  const MutexLock lock(mutex_);
  span_.kind = traces::SpanKind::kServer;
  span_.begin = begin;
}

// Most requests call no tool, so ids are made when one does.
void ServerSpan::begin_trace(std::string_view meta) {
  auto parent = api::parse_traceparent(header_);
  if (!parent) parent = api::parse_traceparent(meta);
  if (!parent) {
    span_.self = traces::new_trace(tracer_);
    return;
  }
  span_.self = {.trace_id = parent->trace_id, .span_id = traces::random_span_id(), .flags = parent->flags};
  span_.parent = parent->span_id;
  span_.remote_parent = true;
}

// The names and attributes are those of OpenTelemetry's semantic conventions for HTTP servers, and for MCP.
void ServerSpan::call(std::string_view tool, std::string_view meta) {
  const MutexLock lock(mutex_);
  if (!called_) begin_trace(meta);
  called_ = true;
  span_.name = route_ == kMcp ? fmt::format("{} {}", kToolsCall, tool) : fmt::format("{} {}", method_, route_);
  span_.attributes = {{"http.request.method", method_}, {"http.route", route_}};
  if (route_ == kMcp) span_.attributes.push_back({"mcp.method.name", std::string(kToolsCall)});
  span_.attributes.push_back({"gen_ai.tool.name", std::string(tool)});
}

std::string ServerSpan::traceparent() const {
  const MutexLock lock(mutex_);
  return called_ ? api::format_traceparent(span_.self) : handed_on(header_);
}

bool ServerSpan::called() const {
  const MutexLock lock(mutex_);
  return called_;
}

void ServerSpan::outcome(const Result<nlohmann::json>& fields) {
  const MutexLock lock(mutex_);
  if (!fields) {
    failed_ = true;
    return;
  }
  for (const auto& [member, key] : {std::pair("run_id", "modelrun.run.uid"), {"sweep_id", "modelrun.sweep.uid"}}) {
    if (auto uid = api::text_at(*fields, member); !uid.empty()) span_.attributes.push_back({key, std::move(uid)});
  }
}

void ServerSpan::note_run(std::string_view uid) {
  const MutexLock lock(mutex_);
  span_.attributes.push_back({"modelrun.run.uid", std::string(uid)});
}

void ServerSpan::end(int status, Time now) {
  const MutexLock lock(mutex_);
  if (!called_ || !span_.self.sampled()) return;
  span_.end = now;
  span_.attributes.push_back({"http.response.status_code", std::int64_t{status}});
  const bool refused = status >= 400;
  if (refused || failed_) {
    span_.attributes.push_back({"error.type", refused ? std::to_string(status) : std::string("tool_error")});
  }
  span_.error = status >= 500 || (failed_ && route_ == kMcp);
  tracer_.record(span_);
}

}  // namespace modelrun::gateway
