#include "gateway/app.h"

#include "api/json_access.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/timed_cache.h"
#include "gateway/recorder.h"
#include "gateway/web/answers.h"
#include "gateway/web/context.h"
#include "gateway/web/mcp_endpoint.h"
#include "gateway/web/openapi.h"
#include "gateway/web/page.h"
#include "gateway/web/rest.h"
#include "gateway/web/route_label.h"
#include "net/bearer.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

// A token that was accepted within this time is looked up again even if its address is being slowed down: behind a
// proxy all clients have the proxy's address, and one who guesses tokens must not lock the others out.
constexpr std::chrono::hours kTrusted{1};
constexpr std::size_t kMaxTrusted = 10'000;

// A request beyond its caller's rate waits for so long, if that is enough; its client need not try again then.
constexpr std::chrono::seconds kPatience{1};
// The runs that a call makes count in its caller's rate, if need be before the caller has gained what they take: at
// most so much that the caller's next request would have to wait for so long.
constexpr std::chrono::seconds kMaxDebt{30};
constexpr int kMaxSlowed = 256;  // requests that wait for that at the same time
// What a cheap request gives back of the one that each takes of its caller's rate.
constexpr double kCheap = 0.8;

struct AppState {
  AppOptions options;
  net::RateLimit rate;
  net::RateLimit stranger_rate;
  TimedCache<bool> trusted;  // tokens that were accepted, by their SHA-256
  WebContext web;
  std::atomic<int> slowed{0};  // requests that wait because of their callers' rates
};

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
  return problem(429, "too many requests: try again in a second");
}

// The probes, which anybody may call. Their Host is not checked because the kubelet uses the pod's IP address.
std::optional<HttpAnswer> public_answer(const AppState& app, const HttpRequest& request) {
  const bool get = request.method == "GET";
  if (get && request.path == "/healthz") return HttpAnswer{.content_type = "text/plain", .body = "ok\n"};
  if (get && request.path == "/readyz") {
    const auto reason = app.options.unready();
    if (reason.empty()) return HttpAnswer{.content_type = "text/plain", .body = "ok\n"};
    return problem(503, reason);
  }
  return std::nullopt;
}

// The answer to the question of a browser that comes before a page's request, without a token.
HttpAnswer preflight() {
  return {
      .status = 204,
      .headers = {{"Access-Control-Allow-Methods", "GET, HEAD, POST"},
                  {"Access-Control-Allow-Headers",
                   "Authorization, Content-Type, Accept, Idempotency-Key, MCP-Protocol-Version, Mcp-Method, Mcp-Name, "
                   "Mcp-Session-Id, Last-Event-ID, traceparent"},
                  {"Access-Control-Max-Age", "600"}}};
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
  // Clients look here for what they might use. That there is nothing is no secret, and 401 would look like a login.
  if (request.path.starts_with("/.well-known/") && !is_metadata) {
    return problem(404, "there is nothing at this path but " + std::string(kMetadataPath));
  }
  if (request.method == "OPTIONS" && origin && request.header("Access-Control-Request-Method")) return preflight();
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

// The answer to a request that shows no token at all, or none that could be one.
std::expected<std::string_view, HttpAnswer> token_of(const AppState& app, const HttpRequest& request) {
  if (!request.header("Authorization")) {
    return std::unexpected(unauthorized(app.options, request, "a bearer token is required", false));
  }
  const auto token = bearer_of(request);
  if (!token) return std::unexpected(unauthorized(app.options, request, "this is no bearer token", true));
  return *token;
}

// What is known of the caller without asking anybody: an identity, an answer that refuses the request, both or neither.
struct Recalled {
  std::optional<Identity> caller;
  std::optional<HttpAnswer> refusal;
};

Recalled recall_caller(AppState& app, const HttpRequest& request) {
  if (app.web.everybody != nullptr) return {.caller = *app.web.everybody, .refusal = {}};
  auto token = token_of(app, request);
  if (!token) return {.caller = {}, .refusal = std::move(token.error())};
  auto caller = app.web.authenticator.remembered(*token);
  if (!caller) {
    if (app.stranger_rate.has(request.peer_group) || app.trusted.find(sha256_hex(*token))) return {};
    app.web.refused("tokens");
    return {.caller = {}, .refusal = slow_down()};
  }
  if (app.rate.can_reserve(share_of(*caller), kPatience)) return {.caller = std::move(caller), .refusal = {}};
  app.web.refused("rate");
  return {.caller = std::move(caller), .refusal = slow_down()};
}

// Finds out who calls. The rate of strangers is asked before the token is looked up, which costs a request to the API
// server. A token that is accepted gives back what it took, so that only those that are refused, and those that are
// being looked up, count.
std::expected<Identity, HttpAnswer> identify(AppState& app, const HttpRequest& request, const std::stop_token& stop) {
  if (app.web.everybody != nullptr) return *app.web.everybody;
  const auto token = token_of(app, request);
  if (!token) return std::unexpected(token.error());
  if (auto known = app.web.authenticator.remembered(*token)) return std::move(*known);
  const auto digest = sha256_hex(*token);
  const bool trusted = app.trusted.find(digest).has_value();
  auto loan = trusted ? std::nullopt : app.stranger_rate.borrow(request.peer_group);
  if (!trusted && !loan) {
    app.web.refused("tokens");
    return std::unexpected(slow_down());
  }
  const auto asked = std::chrono::steady_clock::now();
  auto identity = app.web.authenticator.authenticate(*token, stop);
  const bool refused = !identity && identity.error().kind == ErrorKind::kDenied;
  if (loan && refused) loan->spend();
  if (identity) {
    app.trusted.put(digest, true, asked);
    return std::move(*identity);
  }
  if (!refused) {
    log::warn("a token could not be checked", {{"error", identity.error().message}});
    return std::unexpected(problem(503, "the token cannot be checked now; try again"));
  }
  app.web.metrics.counter("modelrun_gateway_refused_tokens_total", "Requests whose token was not accepted").Increment();
  return std::unexpected(unauthorized(app.options, request, "the token is not valid here, or has expired", true));
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
  exchange->set_caller(*identity);
  const auto share = share_of(*identity);
  auto wait = app.rate.reserve(share, kPatience);
  if (wait && wait->count() > 0 && app.slowed.fetch_add(1) >= kMaxSlowed) {
    app.slowed.fetch_sub(1);
    app.rate.give_back(share);
    wait.reset();
  }
  if (!wait) {
    app.web.refused("rate");
    return exchange->answer(slow_down());
  }
  const auto visit = std::make_shared<const Visit>(request, exchange, std::move(*identity), exchange->span());
  if (wait->count() == 0) return dispatch(app.web, *visit);
  app.web.runs.pause(std::chrono::ceil<std::chrono::milliseconds>(*wait), exchange->stop_token(), [&app, visit] {
    visit->exchange.later([&app, visit] {
      app.slowed.fetch_sub(1);
      if (!visit->exchange.stop_token().stop_requested()) dispatch(app.web, *visit);
    });
  });
}

// Parsing a larger body would take milliseconds, which is too long on an io thread.
constexpr std::size_t kMaxBodyAtOnce = std::size_t{16} << 10U;

using SteadyTime = std::chrono::steady_clock::time_point;

BodyPermit refused_body(AppState& app, const HttpRequest& request, HttpAnswer answer, SteadyTime begin,
                        const std::string& user = {}) {
  record_request(app.web, request, answer.status, begin, user);
  return {.refusal = std::move(answer), .owner = {}};
}

constexpr std::size_t kMaxBody = std::size_t{1} << 20U;

// A message of MCP that is larger is read, as far as the server takes it: serve_mcp() refuses it in an answer to its
// id.
BodyPermit permitted(const HttpRequest& request, const Identity& caller) {
  BodyPermit permit{.refusal = {}, .owner = share_of(caller)};
  if (request.path != "/mcp") permit.max_bytes = kMaxBody;
  return permit;
}

// The guards once more, for a request whose body has not come yet. The rate of the caller is looked at and nothing is
// taken: serve() does that when the body is there.
std::optional<BodyPermit> permit_at_once(AppState& app, const HttpRequest& request) {
  const auto begin = std::chrono::steady_clock::now();
  if (auto early = early_answer(app, request)) return refused_body(app, request, std::move(*early), begin);
  auto known = recall_caller(app, request);
  if (known.refusal) {
    return refused_body(app, request, std::move(*known.refusal), begin, known.caller ? known.caller->user : "");
  }
  if (!known.caller) return std::nullopt;
  return permitted(request, *known.caller);
}

BodyPermit permit(AppState& app, const HttpRequest& request, const std::stop_token& stop) {
  const auto begin = std::chrono::steady_clock::now();
  auto caller = identify(app, request, stop);
  if (!caller) return refused_body(app, request, std::move(caller.error()), begin);
  return permitted(request, *caller);
}

}  // namespace

struct App::Impl : AppState {};

App::App(const AppOptions& options, RunService& runs, SweepService& sweeps, Authenticator& authenticator,
         const Identity* everybody, const Clock& clock, runtime::Metrics& metrics) {
  auto& waiting = metrics.gauge("modelrun_gateway_waiting", "Calls that wait for a run or a sweep");
  auto& logs = metrics.gauge("modelrun_gateway_logs", "Logs that are followed");
  auto& log_reads = metrics.gauge("modelrun_gateway_log_reads", "Logs that are read to their present end");
  auto& explanations = metrics.gauge("modelrun_gateway_explanations", "Calls that explain why two runs differ");
  // NOLINTNEXTLINE(modernize-make-unique): the members cannot be moved, so they must be constructed in place
  impl_.reset(
      new Impl{{options, net::RateLimit(options.rate), net::RateLimit(options.stranger_rate),
                TimedCache<bool>(kTrusted, kMaxTrusted),
                WebContext{runs, sweeps, authenticator, everybody, clock, metrics, options.times,
                           Places(waiting, options.waiting, "max-waiting"), Places(logs, options.logs, "max-logs"),
                           Places(log_reads, options.log_reads, {}), Places(explanations, options.explanations, {})}}});
  impl_->web.cheap = [app = impl_.get()](const Identity& caller) { app->rate.give_back(share_of(caller), kCheap); };
  impl_->web.charge = [app = impl_.get()](const Identity& caller) {
    return app->rate.reserve(share_of(caller), kMaxDebt).has_value();
  };
}

App::~App() = default;

BodyGate App::gate() {
  return {
      .at_once = [this](const HttpRequest& request) { return permit_at_once(*impl_, request); },
      .ask = [this](const HttpRequest& request, const std::stop_token& stop) { return permit(*impl_, request, stop); }};
}

void App::refused(std::string_view reason) {
  impl_->web.refused(std::string(reason));
}

bool App::serve_at_once(const std::shared_ptr<const HttpRequest>& request,
                        const std::shared_ptr<HttpExchange>& exchange) {
  const auto respond = [&](HttpAnswer answer, const Identity* caller, const ToolAnswer* call = nullptr) {
    Recorder recorder(impl_->web, impl_->options.origins, impl_->options.tracer, request, exchange);
    if (call != nullptr && recorder.span()) {
      recorder.span()->call(call->tool, call->meta);
      if (!call->run_uid.empty()) recorder.span()->note_run(call->run_uid);
    }
    if (caller != nullptr) recorder.set_caller(*caller);
    recorder.answer(std::move(answer));
    return true;
  };
  if (auto early = early_answer(*impl_, *request)) return respond(std::move(*early), nullptr);
  auto known = recall_caller(*impl_, *request);
  if (known.refusal) return respond(std::move(*known.refusal), known.caller ? &*known.caller : nullptr);
  if (!known.caller || request->body.size() > kMaxBodyAtOnce) return false;
  const auto& caller = *known.caller;
  auto answer =
      request->path == "/mcp" ? recall_mcp(impl_->web, *request, caller) : recall_rest(impl_->web, *request, caller);
  if (!answer) return false;
  if (!impl_->rate.take(share_of(caller))) return false;  // serve() lets it wait
  impl_->rate.give_back(share_of(caller), kCheap);
  return respond(std::move(answer->answer), &caller, &*answer);
}

void App::serve(const std::shared_ptr<const HttpRequest>& request, const std::shared_ptr<HttpExchange>& exchange) {
  serve_guarded(
      *impl_, request,
      std::make_shared<Recorder>(impl_->web, impl_->options.origins, impl_->options.tracer, request, exchange));
}

}  // namespace modelrun::gateway
