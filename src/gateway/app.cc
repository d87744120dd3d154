#include "gateway/app.h"

#include <algorithm>

#include "api/json_access.h"
#include "base/log.h"
#include "gateway/web/answers.h"
#include "gateway/web/context.h"
#include "gateway/web/mcp_endpoint.h"
#include "gateway/web/openapi.h"
#include "gateway/web/page.h"
#include "gateway/web/rest.h"
#include "net/bearer.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr std::string_view kMetadataPath = "/.well-known/oauth-protected-resource";

struct AppState {
  AppOptions options;
  net::RateLimit rate;
  net::RateLimit stranger_rate;
  WebContext web;
};

// The route as a metric label. The set of values is small and fixed, so that no request can add a time series.
std::string route_label(const std::string& path) {
  if (path == "/mcp" || path == "/openapi.json" || path == "/v1/projects" || path == "/healthz" || path == "/readyz")
    return path;
  if (path == "/" || path.starts_with("/page/")) return "page";
  if (path.starts_with("/v1/runs")) {
    if (path.ends_with("/logs")) return "/v1/runs/{id}/logs";
    if (path.ends_with("/details")) return "/v1/runs/{id}/details";
    if (path.ends_with("/cancel")) return "/v1/runs/{id}/cancel";
    if (path.find("/outputs/") != std::string::npos) return "/v1/runs/{id}/outputs/{name}";
    if (path.find("/artifacts/") != std::string::npos) return "/v1/runs/{id}/artifacts/{name}";
    return path == "/v1/runs" ? path : "/v1/runs/{id}";
  }
  return path.starts_with(kMetadataPath) ? std::string(kMetadataPath) : "other";
}

std::string base_url(const AppOptions& options, const HttpRequest& request) {
  if (!options.public_url.empty()) return options.public_url;
  return fmt::format("{}://{}", options.resource_scheme, request.header("Host").value_or("localhost"));
}

HttpAnswer metadata(const AppOptions& options, const HttpRequest& request) {
  json document{{"resource", base_url(options, request) + "/mcp"},
                {"resource_name", "ModelRun"},
                {"bearer_methods_supported", {"header"}}};
  if (!options.authorization_servers.empty()) document["authorization_servers"] = options.authorization_servers;
  return {.body = document.dump()};
}

HttpAnswer unauthorized(const AppOptions& options, const HttpRequest& request, const std::string& detail, bool shown) {
  auto answer = problem(401, detail);
  answer.headers.emplace_back("WWW-Authenticate", fmt::format("Bearer {}resource_metadata=\"{}{}/mcp\"",
                                                              shown ? "error=\"invalid_token\", " : "",
                                                              base_url(options, request), kMetadataPath));
  return answer;
}

HttpAnswer slow_down() {
  auto answer = problem(429, "too many requests: try again in a second");
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

// The probes, which anybody may call. Their Host is not checked because the kubelet uses the pod's IP address.
std::optional<HttpAnswer> public_answer(const AppState& app, const HttpRequest& request) {
  const bool get = request.method == "GET";
  if (get && request.path == "/healthz") return HttpAnswer{.content_type = "text/plain", .body = "ok\n"};
  if (get && request.path == "/readyz") {
    if (app.options.ready()) return HttpAnswer{.content_type = "text/plain", .body = "ok\n"};
    return problem(503, "the cache of runs is not filled yet");
  }
  return std::nullopt;
}

// The answer to a request that fails the Host or Origin guard, or that needs no token; nullopt for all others.
std::optional<HttpAnswer> guarded_answer(const AppState& app, const HttpRequest& request) {
  if (!app.options.origins.host_allowed(request.header("Host").value_or(""))) {
    return problem(403, "this Host is not served here; an administrator allows it with --allowed-host");
  }
  const auto origin = request.header("Origin");
  if (request.count("Origin") > 1 || (origin && !app.options.origins.origin_allowed(*origin))) {
    return problem(403, "requests of this Origin are not served");
  }
  const bool is_metadata = request.path == kMetadataPath || request.path == std::string(kMetadataPath) + "/mcp";
  if (is_metadata && request.method == "GET") return metadata(app.options, request);
  return page_answer(request, app.web.everybody == nullptr);
}

std::optional<HttpAnswer> early_answer(const AppState& app, const HttpRequest& request) {
  auto answer = public_answer(app, request);
  return answer ? std::move(answer) : guarded_answer(app, request);
}

// Returns nullopt also if there is more than one Authorization header: another program on the way, such as a proxy,
// may use a different one than the gateway would.
std::optional<std::string_view> bearer_of(const HttpRequest& request) {
  return request.count("Authorization") == 1 ? net::parse_bearer(*request.header("Authorization")) : std::nullopt;
}

std::optional<Identity> remembered(AppState& app, const HttpRequest& request) {
  if (app.web.everybody != nullptr) return *app.web.everybody;
  const auto token = bearer_of(request);
  return token ? app.web.authenticator.remembered(*token) : std::nullopt;
}

std::expected<Identity, HttpAnswer> identify(AppState& app, const HttpRequest& request, const std::stop_token& stop) {
  if (app.web.everybody != nullptr) return *app.web.everybody;
  if (!request.header("Authorization")) {
    return std::unexpected(unauthorized(app.options, request, "a bearer token is required", false));
  }
  const auto token = bearer_of(request);
  if (!token) return std::unexpected(unauthorized(app.options, request, "this is no bearer token", true));
  auto identity = app.web.authenticator.authenticate(*token, stop);
  if (identity) return std::move(*identity);
  if (identity.error().kind != ErrorKind::kDenied) {
    log::warn("a token could not be checked", {{"error", identity.error().message}});
    return std::unexpected(problem(503, "the token cannot be checked now; try again"));
  }
  app.web.metrics.counter("modelrun_gateway_refused_tokens_total", "Requests whose token was not accepted").Increment();
  // Limits how fast tokens can be guessed. The limit applies only after a token was refused: behind a proxy, all
  // clients have the proxy's address, and a guesser must not lock the others out.
  if (!app.stranger_rate.take(request.peer)) return std::unexpected(slow_down());
  return std::unexpected(unauthorized(app.options, request, "the token is not valid here, or has expired", true));
}

// Passes everything on to the inner exchange, and records the request in the metrics and the access log when the last
// holder releases it.
class Recorder final : public HttpExchange {
 public:
  Recorder(AppState& app, std::shared_ptr<const HttpRequest> request, std::shared_ptr<HttpExchange> inner)
      : app_(app), request_(std::move(request)), inner_(std::move(inner)) {}
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() override { record(); }

  void answer(HttpAnswer answer) override {
    status_ = answer.status;
    inner_->answer(std::move(answer));
  }
  void open_events() override {
    status_ = 200;
    inner_->open_events();
  }
  bool send(std::string_view text) override { return inner_->send(text); }
  [[nodiscard]] std::stop_token stop_token() const override { return inner_->stop_token(); }
  [[nodiscard]] bool client_left() const override { return inner_->client_left(); }
  void later(std::function<void()> work) override { inner_->later(std::move(work)); }

  // Not thread-safe: call it before the exchange is shared.
  void set_user(std::string user) { user_ = std::move(user); }

 private:
  void record() const;

  AppState& app_;
  const std::shared_ptr<const HttpRequest> request_;
  const std::shared_ptr<HttpExchange> inner_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::atomic<int> status_{500};
  std::string user_;  // empty: the caller is not known
};

void Recorder::record() const {
  const auto took = std::chrono::steady_clock::now() - begin_;
  const auto label = route_label(request_->path);
  const auto status = std::to_string(status_.load());
  app_.web.metrics
      .counter("modelrun_gateway_requests_total", "Requests by route and status", {{"route", label}, {"code", status}})
      .Increment();
  app_.web.metrics.histogram("modelrun_gateway_request_seconds", "Time to the end of the answer", {{"route", label}})
      .Observe(std::chrono::duration<double>(took).count());
  if (label == "/healthz" || label == "/readyz") return;
  // The query and all headers but this one are left out, because they may contain secrets.
  log::info("request", {{"method", request_->method.substr(0, 16)},
                        {"path", request_->path.substr(0, 200)},
                        {"status", status},
                        {"ms", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count())},
                        {"user", user_},
                        {"peer", request_->peer},
                        {"traceparent", std::string(request_->header("traceparent").value_or("").substr(0, 64))}});
}

void dispatch(WebContext& web, const Visit& visit) {
  const auto& request = visit.request;
  if (request.path == "/mcp") return serve_mcp(web, visit);
  if (request.path == "/openapi.json" && request.method == "GET") {
    return visit.exchange.answer({.body = api::json_text(openapi_document())});
  }
  if (!serve_rest(web, visit)) {
    visit.exchange.answer(problem(404, "there is nothing at this path; /openapi.json says what there is"));
  }
}

void serve_guarded(AppState& app, const std::shared_ptr<const HttpRequest>& request,
                   const std::shared_ptr<Recorder>& exchange) {
  // The server asks serve_at_once() first, which makes the same checks, but serve() must be safe without it.
  if (auto early = early_answer(app, *request)) return exchange->answer(std::move(*early));
  auto identity = identify(app, *request, exchange->stop_token());
  if (!identity) return exchange->answer(std::move(identity.error()));
  exchange->set_user(identity->user);
  if (!app.rate.take(identity->user)) return exchange->answer(slow_down());
  dispatch(app.web, *std::make_shared<const Visit>(request, exchange, std::move(*identity)));
}

// Parsing a larger body would take milliseconds, which is too long on an io thread.
constexpr std::size_t kMaxBodyAtOnce = std::size_t{16} << 10U;

}  // namespace

struct App::Impl : AppState {};

App::App(const AppOptions& options, RunService& runs, Authenticator& authenticator, const Identity* everybody,
         const Clock& clock, runtime::Metrics& metrics) {
  auto& waiting = metrics.gauge("modelrun_gateway_waiting", "Calls that wait for a run");
  auto& logs = metrics.gauge("modelrun_gateway_logs", "Logs that are followed");
  // NOLINTNEXTLINE(modernize-make-unique): the members cannot be moved, so they must be constructed in place
  impl_.reset(new Impl{{options, net::RateLimit(options.rate), net::RateLimit(options.stranger_rate),
                        WebContext{runs, authenticator, everybody, clock, metrics, options.times,
                                   Places(waiting, options.max_waiting), Places(logs, options.max_logs)}}});
}

App::~App() = default;

bool App::serve_at_once(const std::shared_ptr<const HttpRequest>& request,
                        const std::shared_ptr<HttpExchange>& exchange) {
  const auto respond = [&](HttpAnswer answer, const std::string& user) {
    Recorder recorder(*impl_, request, exchange);
    recorder.set_user(user);
    recorder.answer(std::move(answer));
    return true;
  };
  if (auto early = early_answer(*impl_, *request)) return respond(std::move(*early), {});
  const auto caller = request->body.size() <= kMaxBodyAtOnce ? remembered(*impl_, *request) : std::nullopt;
  if (!caller) return false;
  auto answer =
      request->path == "/mcp" ? recall_mcp(impl_->web, *request, *caller) : recall_rest(impl_->web, *request, *caller);
  if (!answer) return false;
  return respond(impl_->rate.take(caller->user) ? std::move(*answer) : slow_down(), caller->user);
}

void App::serve(const std::shared_ptr<const HttpRequest>& request, const std::shared_ptr<HttpExchange>& exchange) {
  serve_guarded(*impl_, request, std::make_shared<Recorder>(*impl_, request, exchange));
}

}  // namespace modelrun::gateway
