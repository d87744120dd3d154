// The HTTP application of the gateway: it checks each request (the guards below), authenticates its caller, and
// routes it to MCP (/mcp), the plain HTTP API (/v1, /openapi.json), the page, the probes or the OAuth metadata of
// RFC 9728.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/auth/auth.h"
#include "gateway/auth/origin.h"
#include "gateway/http/http.h"
#include "gateway/runs/call.h"
#include "gateway/runs/run_service.h"
#include "gateway/runs/sweep_service.h"
#include "gateway/web/visit.h"
#include "net/rate_limit.h"
#include "runtime/metrics.h"
#include "traces/span.h"

namespace modelrun::gateway {

struct AppOptions {
  OriginPolicy origins;
  // The base URL that clients use, e.g. "https://models.example.com". When empty, it is made from `resource_scheme`
  // and the request's Host header.
  std::string public_url;
  std::vector<std::string> authorization_servers;  // issuers named in the metadata of RFC 9728; none: left out
  std::string resource_scheme = "http";
  CallTimes times;
  net::RateOptions rate;  // for each caller (share_of())
  // For each group of client addresses: look-ups of tokens that are refused or under way.
  net::RateOptions stranger_rate{5, 20, 10'000};
  // Calls that wait for a run or a sweep at the same time; they occupy no thread.
  PlaceLimits waiting{.total = 2'000, .per_caller = 200};
  // Logs that are followed at the same time; each occupies a thread.
  PlaceLimits logs{.total = 64, .per_caller = 16};
  // Logs that are read to their present end at the same time; each occupies a worker, of which there are 16, and the
  // caller's node decides for how long.
  PlaceLimits log_reads{.total = 8, .per_caller = 2};
  // Calls of explain_runs at the same time. While a call reads results it occupies one worker, which it gives back
  // after each of them.
  PlaceLimits explanations{.total = 64, .per_caller = 8};
  traces::Tracer* tracer = nullptr;  // must outlive the App; null: there is no tracing
  // Why /readyz answers 503; empty: 200. Called from many threads; must not block.
  std::function<std::string()> unready = [] { return std::string(); };
};

// Thread-safe. Keeps references to the constructor's reference and pointer arguments, except `options`, which it
// copies; they must outlive it.
//
// The guards, in this order: probes are answered for any Host (/healthz, /readyz); a Host that is not allowed gives
// 403; an Origin that is not allowed gives 403; the metadata, other well-known paths, the preflight requests of
// browsers and the page are answered without a token; a token that is missing or refused gives 401; a token that
// would have to be looked up gives 429 when its client address exceeds `stranger_rate`, unless it was accepted within
// the last hour; a token that cannot be checked at present gives 503; a caller who exceeds `rate` waits for up to a
// second, or gets 429 if that is not enough. Only then does serve() look at the route and the body. serve_at_once()
// differs in the last step: it computes its answer first, and leaves the request to serve() if the caller would have
// to wait.
//
// Every request that gets here is counted in the metrics and, except for probes, written to the access log.
class App {
 public:
  // `everybody` is the identity of every caller when authentication is off; null when it is on.
  App(const AppOptions& options, RunService& runs, SweepService& sweeps, Authenticator& authenticator,
      const Identity* everybody, const Clock& clock, runtime::Metrics& metrics);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // The server's BodyGate (http/http.h): the guards, for a request whose body has not come yet. A body counts for the
  // share of its caller (share_of()).
  BodyGate gate();
  // The server's AtOnce function (http/http.h). Answers what needs no token, requests that a guard refuses without a
  // look-up, and requests for a finished run if the caller, the caller's rights and the run are all in memory. Leaves
  // all other requests to serve(), among them any with a body of more than 16 KiB that gets this far.
  bool serve_at_once(const std::shared_ptr<const HttpRequest>& request, const std::shared_ptr<HttpExchange>& exchange);
  // The server's on_refusal function (http/server.h).
  void refused(std::string_view reason);
  // The server's Handler (http/http.h), for every request; it does not rely on serve_at_once(). Calls that wait keep
  // `request` and `exchange` and use this object after serve() has returned: stop the server before destroying it.
  void serve(const std::shared_ptr<const HttpRequest>& request, const std::shared_ptr<HttpExchange>& exchange);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::gateway
