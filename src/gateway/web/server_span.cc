#include "gateway/web/server_span.h"

#include <fmt/format.h>

#include "api/json_access.h"
#include "gateway/web/route_label.h"

namespace modelrun::gateway {
namespace {

constexpr std::string_view kMcp = "/mcp";
constexpr std::string_view kToolsCall = "tools/call";

}  // namespace

std::optional<api::TraceContext> trace_of(const HttpRequest& request) {
  return api::parse_traceparent(request.header("traceparent").value_or(""));
}

ServerSpan::ServerSpan(traces::Tracer& tracer, const HttpRequest& request, Time begin)
    : tracer_(tracer), method_(request.method), route_(route_label(request.path)) {
  const MutexLock lock(mutex_);
  span_.kind = traces::SpanKind::kServer;
  span_.begin = begin;
  if (const auto parent = trace_of(request)) {
    enter(*parent);
  } else {
    span_.self = traces::new_trace(tracer_);
  }
}

void ServerSpan::enter(const api::TraceContext& parent) {
  has_parent_ = true;
  span_.self = {.trace_id = parent.trace_id, .span_id = traces::random_span_id(), .flags = parent.flags};
  span_.parent = parent.span_id;
  span_.remote_parent = true;
}

// The names and attributes are those of OpenTelemetry's semantic conventions for HTTP servers, and for MCP.
void ServerSpan::call(std::string_view tool, std::string_view meta) {
  const MutexLock lock(mutex_);
  called_ = true;
  if (!has_parent_) {
    if (const auto parent = api::parse_traceparent(meta)) enter(*parent);
  }
  span_.name = route_ == kMcp ? fmt::format("{} {}", kToolsCall, tool) : fmt::format("{} {}", method_, route_);
  span_.attributes = {{"http.request.method", method_}, {"http.route", route_}};
  if (route_ == kMcp) span_.attributes.push_back({"mcp.method.name", std::string(kToolsCall)});
  span_.attributes.push_back({"gen_ai.tool.name", std::string(tool)});
}

std::string ServerSpan::traceparent() const {
  const MutexLock lock(mutex_);
  return api::format_traceparent(span_.self);
}

bool ServerSpan::called() const {
  const MutexLock lock(mutex_);
  return called_;
}

void ServerSpan::outcome(const Result<nlohmann::json>& fields) {
  const MutexLock lock(mutex_);
  if (!fields) {
    span_.error = true;
    span_.error_message = fields.error().message;
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
  if (refused || span_.error) {
    span_.attributes.push_back({"error.type", refused ? std::to_string(status) : std::string("tool_error")});
  }
  span_.error = span_.error || refused;
  tracer_.record(span_);
}

}  // namespace modelrun::gateway
