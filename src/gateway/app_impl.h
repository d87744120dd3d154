// What the parts of App share. Internal to gateway/.
#pragma once

#include <atomic>
#include <nlohmann/json.hpp>
#include <string>

#include "gateway/app.h"

namespace modelrun::gateway {

// One request after the guards.
struct Visit {
  const HttpRequest& request;
  Exchange& exchange;
  const Identity& caller;
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
  std::atomic<int> waiting{0};

  // For a call of a tool by `visit`; the Visit must outlive it.
  [[nodiscard]] ToolCall tool_call(const Visit& visit) const;
};

// A place among the calls that wait; they must not take the threads of the short ones.
class WaitingPlace {
 public:
  WaitingPlace(std::atomic<int>& waiting, int limit) : waiting_(waiting), taken_(waiting.fetch_add(1) < limit) {}
  ~WaitingPlace() { waiting_.fetch_sub(1); }
  WaitingPlace(const WaitingPlace&) = delete;
  WaitingPlace& operator=(const WaitingPlace&) = delete;
  [[nodiscard]] bool taken() const { return taken_; }

 private:
  std::atomic<int>& waiting_;
  bool taken_;
};

inline Error too_many_waiting() {
  return {ErrorKind::kThrottled, "too many calls wait here already: use mode 'async' and get_run, or try again later"};
}

// RFC 9457.
HttpAnswer problem(int status, const std::string& detail);
HttpAnswer problem(const Error& error);
int status_of(ErrorKind kind);
nlohmann::json problem_fields(const Error& error);

std::string dump(const nlohmann::json& value);
// One server-sent event; `data` is one line.
std::string event(std::string_view name, std::string_view data);
bool accepts_events(const HttpRequest& request);
// The Idempotency-Key header. kInvalid when it is empty or longer than 255 characters.
Result<std::string> idempotency_key(const HttpRequest& request);

void serve_mcp(App::Impl& app, const Visit& visit);
// Paths below /v1. False: there is nothing at this path.
bool serve_rest(App::Impl& app, const Visit& visit);
void serve_logs(App::Impl& app, const Visit& visit, const std::string& run_id);
nlohmann::json openapi_document();

}  // namespace modelrun::gateway
