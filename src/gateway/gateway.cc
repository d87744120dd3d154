#include "gateway/gateway.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "gateway/auth/api_tokens.h"
#include "gateway/auth/jwks.h"
#include "gateway/auth/sar_access.h"
#include "kube/config.h"
#include "kube/cpprest/cpprest_transport.h"
#include "runtime/instance_name.h"
#include "runtime/memory.h"

namespace modelrun::gateway {
namespace {

constexpr std::chrono::seconds kHousekeeping{30};
constexpr std::chrono::seconds kFillWait{10};  // for a cache, before the log says that it is not filled yet
// How long one answer of the API server is waited for on behalf of a caller, who then gets 503.
constexpr std::chrono::seconds kAnswerTime{10};
constexpr std::size_t kShortConnections = 1'024;  // in addition to those that wait or follow a log
constexpr std::size_t kOwnDescriptors = 64;       // for the API server, the certificate files and the probes
constexpr const char* kOwnToken = "/var/run/secrets/kubernetes.io/serviceaccount/token";

runtime::WatcherOptions watcher_options(const kube::Resource& resource) {
  runtime::WatcherOptions options;
  options.resource = resource;
  return options;
}

std::unique_ptr<Access> make_access(const Flags& flags, kube::Client& client) {
  const bool all = flags.watch_namespaces.empty();
  std::unique_ptr<Access> access = std::make_unique<AllowAll>();
  if (flags.auth) {
    access = std::make_unique<SarAccess>(client, all ? SarAccess::Review::kCluster : SarAccess::Review::kLocal);
  }
  if (all) return access;
  return std::make_unique<ScopedAccess>(std::move(access), flags.watch_namespaces);
}

// The cluster's issuer is the one that --cluster-issuer names, else that of the gateway's own service-account token.
// Outside of a pod there is no such token, and the API server is asked.
std::unique_ptr<Authenticator> make_authenticator(const Flags& flags, kube::Transport& transport, kube::Client& client,
                                                  const Clock& clock) {
  auto review = flags.review;
  if (review.issuer.empty()) review.issuer = unverified_issuer(read_file(kOwnToken).value_or(""));
  std::vector<std::unique_ptr<Authenticator>> links;
  links.push_back(std::make_unique<ApiTokens>(client, flags.token_namespace, clock));
  for (const auto& issuer : flags.jwt_issuers) {
    links.push_back(std::make_unique<JwtAuthenticator>(issuer, https_fetch(issuer.ca_file), clock));
  }
  links.push_back(std::make_unique<TokenReview>(client, std::move(review), clock, [&transport](std::stop_token stop) {
    return published_issuer(transport, std::move(stop));
  }));
  return std::make_unique<AuthenticatorChain>(std::move(links));
}

// Each connection needs a file descriptor, and the usual soft limit of a shell (1024) is too low for that.
void raise_descriptor_limit(std::size_t connections, std::size_t watches) {
  const rlim_t wanted = connections + watches + kOwnDescriptors;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted) return;
  log::warn("fewer connections than --max-waiting and --max-logs ask for: raise the limit of open files (ulimit -n)",
            {{"wanted", std::to_string(wanted)}, {"limit", std::to_string(limit.rlim_max)}});
}

AppOptions app_options(const Flags& flags, traces::Tracer* tracer, std::function<std::string()> unready) {
  AppOptions options = flags.app;
  options.tracer = tracer;
  options.unready = std::move(unready);
  return options;
}

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::make(Flags flags) {
  const auto config = kube::default_config(flags.kubeconfig, flags.context);
  if (!config) return fail_in("find the cluster", config.error());
  auto transport = kube::make_cpprest_transport(*config);
  if (!transport) return fail_in(fmt::format("connect to {}", config->server), transport.error());
  return std::make_unique<Gateway>(std::move(flags), std::move(*transport));
}

Gateway::Gateway(Flags flags, std::unique_ptr<kube::Transport> transport)
    : flags_(std::move(flags)),
      tracer_(traces::start_tracing(flags_.traces, "modelrun-gateway", runtime::instance_name("modelrun-gateway"),
                                    steady_, metrics_)),
      transport_(std::move(transport)),
      watching_(*transport_,
                [this](const kube::CallInfo& call) {
                  metrics_.api_request(call.verb, call.resource, call.code, call.latency);
                }),
      client_(watching_.with_timeout(kAnswerTime)),
      watcher_(
          watching_, watcher_options(kube::kModelRuns), flags_.watch_namespaces,
          [this](const std::string& each) -> runtime::WatchSink& { return cache_.sink(each); }, steady_, &metrics_),
      sweep_watcher_(
          watching_, watcher_options(kube::kModelSweeps), flags_.watch_namespaces,
          [this](const std::string& each) -> runtime::WatchSink& { return sweep_cache_.sink(each); }, steady_,
          &metrics_),
      health_(*transport_),
      access_(make_access(flags_, client_)),
      runs_(client_, cache_, *access_, flags_.watch_namespaces),
      sweeps_(client_, sweep_cache_, *access_),
      authenticator_(make_authenticator(flags_, *transport_, client_, clock_)),
      everybody_{.user = "everybody", .uid = {}, .groups = {}, .namespace_ = flags_.default_namespace, .expires = {}},
      app_(app_options(flags_, tracer_.get(), [this] { return unready(); }), runs_, sweeps_, *authenticator_,
           flags_.auth ? nullptr : &everybody_, clock_, metrics_) {}

std::string Gateway::unready() const {
  if (ending_) return "the gateway is about to end";
  if (!cache_.filled()) return "the cache of runs is not filled yet";
  if (!serving_) return "the port is not open yet";
  if (!health_.reachable()) return "the API server cannot be reached";
  return {};
}

runtime::ProbeAnswer Gateway::answer_probe(std::string_view target) const {
  target = target.substr(0, target.find('?'));
  if (target == "/healthz") return {.status = 200, .body = "ok\n"};
  if (target == "/readyz") {
    const auto reason = unready();
    if (reason.empty()) return {.status = 200, .body = "ok\n"};
    return {.status = 503, .body = fmt::format("{} {}\n", reason, watcher_.last_error())};
  }
  if (target == "/metrics") {
    return {.status = 200, .body = metrics_.text(), .content_type = "text/plain; version=0.0.4"};
  }
  return {.status = 404, .body = "there are /healthz, /readyz and /metrics\n"};
}

Result<void> Gateway::start_probes() {
  auto server = runtime::ProbeServer::start({.address = flags_.http_listen.address, .port = flags_.http_listen.port},
                                            [this](std::string_view target) { return answer_probe(target); });
  if (!server) return fail_in("--http-listen", server.error());
  probes_ = std::move(*server);
  return {};
}

Result<std::optional<Certificate>> Gateway::read_certificate() const {
  if (flags_.tls_cert.empty()) return std::optional<Certificate>{};
  auto chain = read_file(flags_.tls_cert);
  if (!chain) return fail_in("--tls-cert", chain.error());
  auto key = read_file(flags_.tls_key);
  if (!key) return fail_in("--tls-key", key.error());
  return std::optional(Certificate{std::move(*chain), std::move(*key)});
}

Result<void> Gateway::start_server() {
  auto certificate = read_certificate();
  RETURN_IF_ERROR(certificate);
  certificate_ = std::move(*certificate);
  ServerOptions options;
  options.address = flags_.listen.address;
  options.port = flags_.listen.port;
  options.connections = {
      .total = static_cast<std::size_t>(flags_.app.waiting.total + flags_.app.logs.total) + kShortConnections,
      .per_peer = flags_.max_connections_per_peer};
  raise_descriptor_limit(options.connections.total, 2 * flags_.watch_namespaces.size());
  options.stop_grace = flags_.stop_grace;
  options.on_refusal = [this](std::string_view reason) { app_.refused(reason); };
  options.on_connection = [&open = metrics_.gauge("modelrun_gateway_connections", "Open connections")](int change) {
    open.Increment(change);
  };
  auto server = Server::start(
      options, certificate_ ? &*certificate_ : nullptr,
      [this](const auto& request, const auto& exchange) { app_.serve(request, exchange); },
      [this](const auto& request, const auto& exchange) { return app_.serve_at_once(request, exchange); }, app_.gate());
  if (!server) return fail_in("--listen", server.error());
  server_ = std::move(*server);
  return {};
}

void Gateway::renew_certificate() {
  const auto now = read_certificate();
  if (!now || !*now || ((*now)->chain_pem == certificate_->chain_pem && (*now)->key_pem == certificate_->key_pem)) {
    return;  // unchanged, or unreadable for a moment while the files are being replaced
  }
  if (auto set = server_->set_certificate(**now); !set) {
    log::warn("the new certificate is not used", {{"error", set.error().message}});
    return;
  }
  certificate_ = *now;
  log::info("certificate replaced");
}

Result<void> Gateway::run(const std::stop_token& stop) {
  RETURN_IF_ERROR(start_probes());
  // The port opens only when the cache of runs is filled, so that no client's call meets a gateway that cannot answer
  // yet. That of sweeps is waited for once: a cluster whose CRDs or roles are those of an earlier release has no sweeps
  // for us, and the gateway serves its runs all the same.
  watcher_.start();
  sweep_watcher_.start();
  while (!watcher_.wait_synced(kFillWait, stop)) {
    if (stop.stop_requested()) return {};
    log::warn("the cache of runs is not filled yet", {{"error", watcher_.last_error()}});
  }
  if (!sweep_watcher_.wait_synced(kFillWait, stop)) {
    if (stop.stop_requested()) return {};
    log::warn("serving without sweeps: their cache is not filled yet; see that the CRDs and roles are of this release",
              {{"error", sweep_watcher_.last_error()}});
  }
  RETURN_IF_ERROR(start_server());
  serving_ = true;
  log::info("ready", {{"version", MODELRUN_VERSION},
                      {"listen", fmt::format("{}:{}", flags_.listen.address, server_->port())},
                      {"probes", fmt::format("{}:{}", flags_.http_listen.address, probes_->port())},
                      {"tls", certificate_ ? "yes" : "no"},
                      {"auth", flags_.auth ? "on" : "off"}});
  while (steady_.sleep(kHousekeeping, stop)) {
    renew_certificate();
    runtime::give_back_memory();
  }
  // Load balancers learn that this replica ends before it closes anything, and send their clients to the others.
  ending_ = true;
  log::info("ending", {{"drain", fmt::format("{}s", flags_.drain.count())}});
  steady_.sleep(flags_.drain, {});
  server_->stop();
  watcher_.stop();
  sweep_watcher_.stop();
  if (tracer_) tracer_->stop();
  log::info("stopped");
  return {};
}

}  // namespace modelrun::gateway
