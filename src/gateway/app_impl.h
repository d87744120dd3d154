// What the parts of App share. Internal to gateway/.
#pragma once

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "gateway/app.h"

namespace modelrun::gateway {

// One request after the guards. Owns what it shows; a call that waits keeps it by shared_from_this().
class Visit : public std::enable_shared_from_this<Visit> {
 public:
  Visit(std::shared_ptr<const HttpRequest> given_request, std::shared_ptr<Exchange> given_exchange,
        Identity given_caller)
      : request(*given_request),
        exchange(*given_exchange),
        caller(std::move(given_caller)),
        request_(std::move(given_request)),
        exchange_(std::move(given_exchange)) {}

  const HttpRequest& request;
  Exchange& exchange;
  const Identity caller;

 private:
  const std::shared_ptr<const HttpRequest> request_;
  const std::shared_ptr<Exchange> exchange_;
};

// A place among those that are taken at once, until it goes.
using Place = std::shared_ptr<void>;

// Bounds how many there are, and tells a gauge. Thread-safe; must outlive its places.
class Places {
 public:
  Places(prometheus::Gauge& gauge, int limit) : gauge_(gauge), limit_(limit) {}
  // Null when all are taken.
  Place take();

 private:
  void leave();

  prometheus::Gauge& gauge_;
  const int limit_;
  std::atomic<int> taken_{0};
};

struct App::Impl {
  AppOptions options;
  RunService& runs;
  Authenticator& authenticator;
  const Identity* everybody;
  const Clock& clock;
  runtime::Metrics& metrics;
  RateLimit rate;
  RateLimit stranger_rate;
  Places waiting;  // calls that wait for a run
  Places logs;     // logs that are followed

  // For a call of a tool by `visit`, which it keeps.
  [[nodiscard]] ToolCall tool_call(const Visit& visit) const;
};

inline Error too_many_waiting() {
  return {ErrorKind::kThrottled, "too many calls wait here already: use mode 'async' and get_run, or try again later"};
}

// RFC 9457.
HttpAnswer problem(int status, const std::string& detail);
HttpAnswer problem(const Error& error);
int status_of(ErrorKind kind);
// The fields, or the problem in their place.
void answer_fields(const Visit& visit, const Result<nlohmann::json>& fields);
nlohmann::json problem_fields(int status, const std::string& detail);
nlohmann::json problem_fields(const Error& error);

std::string dump(const nlohmann::json& value);
// One server-sent event; `data` is one line.
std::string event(std::string_view name, std::string_view data);
bool accepts_events(const HttpRequest& request);
// The Idempotency-Key header. kInvalid when it is empty or longer than 255 characters.
Result<std::string> idempotency_key(const HttpRequest& request);

void serve_mcp(App::Impl& app, const Visit& visit);
// What serve_mcp() and serve_rest() would answer to a request of `caller`, when all of it is in memory; else nothing.
std::optional<HttpAnswer> recall_mcp(App::Impl& app, const HttpRequest& request, const Identity& caller);
std::optional<HttpAnswer> recall_rest(App::Impl& app, const HttpRequest& request, const Identity& caller);
// Paths below /v1. False: there is nothing at this path.
bool serve_rest(App::Impl& app, const Visit& visit);
void serve_logs(App::Impl& app, const Visit& visit, const std::string& run_id);
// rest_views.cc: GETs that no tool has, or that say more than one.
void serve_project_list(App::Impl& app, const Visit& visit);
void serve_run_list(App::Impl& app, const Visit& visit);
void serve_details(App::Impl& app, const Visit& visit, const std::string& run_id);
void serve_artifact(App::Impl& app, const Visit& visit, const std::string& run_id, const std::string& name);
nlohmann::json openapi_document();

}  // namespace modelrun::gateway
