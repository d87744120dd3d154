// The gateway's answers: routes, guards, and the two protocols before the tools.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/auth.h"
#include "gateway/http.h"
#include "gateway/origin.h"
#include "gateway/rate_limit.h"
#include "gateway/run_service.h"
#include "gateway/tools.h"
#include "runtime/metrics.h"

namespace modelrun::gateway {

struct AppOptions {
  OriginPolicy origins;
  std::string public_url;                          // "https://models.example.com"; empty: from the Host header
  std::vector<std::string> authorization_servers;  // issuers that RFC 9728 metadata names
  std::string resource_scheme = "http";            // of URLs made from the Host header
  ToolTimes times;
  RateOptions rate;                          // of one identity
  RateOptions stranger_rate{5, 20, 10'000};  // of one address, for tokens that were not accepted
  int max_waiting = 2'000;                   // calls that wait for a run; none has a thread
  int max_logs = 64;                         // logs that are followed; each has a thread
  std::function<bool()> ready = [] { return true; };
};

// Thread-safe. Owns nothing that it is given by reference; all must outlive it. Order of the guards: Host, Origin,
// route, method, token, rate; nothing of a body is looked at before them.
class App {
 public:
  // `everybody`: authentication is off, and every caller is this one. Else null.
  App(const AppOptions& options, RunService& runs, Authenticator& authenticator, const Identity* everybody,
      const Clock& clock, runtime::Metrics& metrics);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // An AtOnce: guards, the page, and what is remembered of runs that are over.
  bool serve_at_once(const std::shared_ptr<const HttpRequest>& request, const std::shared_ptr<Exchange>& exchange);
  // A Handler; of what serve_at_once() leaves. Calls that wait keep both; whoever made them must be gone before this
  // object.
  void serve(const std::shared_ptr<const HttpRequest>& request, const std::shared_ptr<Exchange>& exchange);

  struct Impl;  // app_impl.h

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::gateway
