#include "operator/operator.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "cloudevents/http_sink.h"
#include "controller/deliver_end_event.h"
#include "controller/reconcile_project.h"
#include "controller/reconcile_run.h"
#include "controller/reconcile_sweep.h"
#include "controller/run_metrics.h"
#include "controller/sources/thread_pool.h"
#include "controller/wiring.h"
#include "kube/config.h"
#include "kube/cpprest/cpprest_transport.h"
#include "operator/certificates.h"
#include "runtime/instance_name.h"
#include "runtime/memory.h"
#include "runtime/store.h"

namespace modelrun::op {
namespace {

constexpr std::chrono::seconds kStartDeadline{60};
constexpr std::chrono::hours kCertificateCheck{6};
constexpr std::chrono::seconds kReviewPause{5};  // before the right to create TokenReviews is looked at again
constexpr int kReviewTriesALog = 12;             // one message a minute
constexpr std::chrono::milliseconds kVersionTime{3000};
constexpr kube::ServerVersion kImageVolumesSince{1, 36};
constexpr int kSenders = 4;                    // calls to the sink of events at once
constexpr std::chrono::seconds kGiveBack{30};  // how often memory goes back to the kernel

std::string instance() {
  return runtime::instance_name("modelrun-operator");
}

// Returns the identity for the leader election. In a pod it is made from the pod's UID, so that a restarted container
// continues with its own lease at once instead of waiting until the lease has expired. That is safe because the
// kubelet starts a container only after the previous one has ended. Outside of a pod, a random number keeps the
// processes of one machine apart.
std::string identity() {
  if (const char* uid = std::getenv("POD_UID"); uid != nullptr && *uid != '\0')
    return fmt::format("{}_{}", instance(), uid);
  return fmt::format("{}_{:08x}", instance(), std::random_device{}());
}

// Wraps a decoder that returns no errors: turns the exception that it throws for an object of an unexpected shape
// into an Error.
template <class T, class Decode>
std::function<Result<T>(const kube::Json&)> guarded(Decode decode) {
  return [decode](const kube::Json& object) -> Result<T> {
    try {
      return decode(object);
    } catch (const kube::Json::exception& error) {
      return fail(ErrorKind::kInvalid, "unexpected shape: {}", error.what());
    }
  };
}

}  // namespace

Result<std::unique_ptr<Operator>> Operator::make(Flags flags) {
  const auto config = kube::default_config(flags.kubeconfig, flags.context);
  if (!config) return fail_in("find the cluster", config.error());
  auto transport = kube::make_cpprest_transport(*config);
  if (!transport) return fail_in(fmt::format("connect to {}", config->server), transport.error());
  return make(std::move(flags), std::move(*transport));
}

Result<std::unique_ptr<Operator>> Operator::make(Flags flags, std::unique_ptr<kube::Transport> transport) {
  std::unique_ptr<Operator> made(new Operator(std::move(flags), std::move(transport)));
  RETURN_IF_ERROR(made->open_archives());
  return made;
}

Operator::Operator(Flags flags, std::unique_ptr<kube::Transport> transport)
    : flags_(std::move(flags)),
      tracer_(traces::start_tracing(flags_.traces, "modelrun-operator", instance(), steady_, metrics_)),
      sink_(flags_.events ? std::make_unique<cloudevents::HttpSink>(flags_.events->sink, clock_) : nullptr),
      transport_(std::move(transport)),
      client_(*transport_,
              [this](const kube::CallInfo& call) {
                metrics_.api_request(call.verb, call.resource, call.code, call.latency);
              }),
      fetcher_({.policy = flags_.git,
                .socket = flags_.source_socket,
                .ended =
                    [this](std::string_view request, std::string_view end) {
                      metrics_
                          .counter("modelrun_source_requests_total", "Requests to modelrun-source, by how they ended.",
                                   {{"request", std::string(request)}, {"end", std::string(end)}})
                          .Increment();
                    }}),
      resolver_({.policy = flags_.git, .fetcher = &fetcher_}),
      caches_(steady_),
      events_(client_, {.instance = instance()}, clock_, &metrics_),
      gate_(caches_, term_),
      authenticator_(client_) {}

Result<void> Operator::open_archives() {
  source::ArchiveCacheOptions options;
  options.policy = flags_.git;
  options.directory = flags_.source_cache + "/archives";
  options.fetcher = &fetcher_;
  auto archives = source::ArchiveCache::open(std::move(options));
  if (!archives) return fail_in("--source-cache", archives.error());
  archives_ = std::move(*archives);
  git_.emplace(resolver_, *archives_);
  return {};
}

runtime::ProbeAnswer Operator::answer_probe(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target == "/healthz") return {.status = 200, .body = "ok\n"};
  if (target == "/readyz") {
    if (synced_) return {.status = 200, .body = "ok\n"};
    return {.status = 503, .body = "a right is missing, or the caches are not filled yet; see the log\n"};
  }
  if (target == "/metrics") {
    double held = 0;
    double waiting = 0;
    controller::OwedEvents::Counts owed;
    term_.with([&](const controller::Context& context) {
      owed = context.owed.counts();
      held = static_cast<double>(context.results.used());
      waiting = static_cast<double>(context.large.waiting());
    });
    // Only the leader reports runs, so that a sum over all replicas counts each run once.
    const std::chrono::seconds longest(flags_.settings.max_timeout_seconds);
    controller::report_runs(metrics_, term_.leading() ? controller::count_runs(caches_.runs, clock_.now(), longest)
                                                      : controller::RunCounts{});
    if (sink_ != nullptr) controller::report_owed_events(metrics_, owed);
    metrics_.gauge("modelrun_results_held_bytes", "Bytes of results that are not stored yet.").Set(held);
    metrics_.gauge("modelrun_large_results_waiting", "Runs in the line for work on a large result.").Set(waiting);
    return {.status = 200, .body = metrics_.text(), .content_type = "text/plain; version=0.0.4"};
  }
  return {.status = 404, .body = "there are /healthz, /readyz and /metrics\n"};
}

Result<void> Operator::start_probes() {
  auto server = runtime::ProbeServer::start({.address = flags_.http_listen.address, .port = flags_.http_listen.port},
                                            [this](std::string_view target) { return answer_probe(target); });
  if (!server) return fail_in("--http-listen", server.error());
  probes_ = std::move(*server);
  return {};
}

// Returns the address that pods get for the run server: always IP and port, because the pods have no DNS.
Result<std::string> Operator::run_server_address(const std::stop_token& stop) {
  if (!flags_.run_server_advertise.empty()) return flags_.run_server_advertise;
  const auto service = client_.get(kube::kServices, flags_.namespace_, flags_.run_server_service, stop);
  if (!service) return fail_in("--run-server-service", service.error());
  const auto ip = service->value("/spec/clusterIP"_json_pointer, std::string());
  const auto port = service->value("/spec/ports/0/port"_json_pointer, 0);
  if (ip.empty() || ip == "None" || port == 0) {
    return fail(ErrorKind::kInvalid, "Service {}/{} has no ClusterIP and port", flags_.namespace_,
                flags_.run_server_service);
  }
  return ip.find(':') == std::string::npos ? fmt::format("{}:{}", ip, port) : fmt::format("[{}]:{}", ip, port);
}

void Operator::run_server_refused(std::string_view reason) {
  metrics_
      .counter("modelrun_run_server_refused_total", "Connections and requests of the run server that were refused",
               {{"reason", std::string(reason)}})
      .Increment();
}

Result<void> Operator::start_run_server(const std::stop_token& stop) {
  auto address = run_server_address(stop);
  RETURN_IF_ERROR(address);
  auto certificates = ensure_certificates(client_, flags_.namespace_, clock_.now(), stop);
  if (!certificates) return fail_in("the run server's certificates", certificates.error());
  flags_.settings.run_server_address = std::move(*address);
  flags_.settings.run_server_name = runserver::kServerName;
  flags_.settings.run_server_ca = certificates->ca_bundle;
  auto server = runserver::Server::start(
      {.address = flags_.run_server_listen.address,
       .port = flags_.run_server_listen.port,
       .on_refusal = [this](std::string_view reason) { run_server_refused(reason); },
       .on_connection = [&open =
                             metrics_.gauge("modelrun_run_server_connections", "Open connections of the run server")](
                            int change) { open.Increment(change); }},
      certificates->serving.certificate_pem, certificates->serving.key_pem, authenticator_, gate_);
  if (!server) return fail_in("--run-server-listen", server.error());
  run_server_ = std::move(*server);
  return {};
}

// Renews the serving certificate, which is valid for a year: an operator may run longer than that.
void Operator::keep_certificate(const std::stop_token& stop) {
  while (steady_.sleep(kCertificateCheck, stop)) {
    const auto now = ensure_certificates(client_, flags_.namespace_, clock_.now(), stop);
    if (!now) {
      log::warn("the run server's certificates were not looked at", {{"error", now.error().message}});
    } else if (now->ca_bundle != flags_.settings.run_server_ca) {
      // The Jobs get the authority that was read at the start, so the new one takes effect only after a restart.
      log::warn("the run server has a new certificate authority: restart the operator",
                {{"secret", kTlsSecret}, {"namespace", flags_.namespace_}});
    } else if (auto set = run_server_->set_certificate(now->serving.certificate_pem, now->serving.key_pem); !set) {
      log::warn("the run server's certificate was not taken", {{"error", set.error().message}});
    }
  }
}

Result<void> Operator::start_watchers(const std::stop_token& stop) {
  controller::wire_caches(caches_, term_);
  const auto watch = [this](const kube::Resource& resource, std::string_view selector, auto& store, auto decode) {
    using T = decltype(decode(std::declval<const kube::Json&>()));
    const auto sink_for = [&](const std::string& namespace_) -> runtime::WatchSink& {
      sinks_.push_back(std::make_unique<runtime::StoreSink<T>>(store, guarded<T>(decode), namespace_));
      return *sinks_.back();
    };
    runtime::WatcherOptions options;
    options.resource = resource;
    options.label_selector = selector;
    watchers_.push_back(
        std::make_unique<runtime::WatchGroup>(client_, options, flags_.watch_namespaces, sink_for, steady_, &metrics_));
    watchers_.back()->start();
  };
  watch(kube::kModelProjects, "", caches_.projects, &api::decode_model_project);
  watch(kube::kModelRuns, "", caches_.runs,
        [this](const kube::Json& object) { return caches_.record_of(api::decode_model_run(object)); });
  watch(kube::kJobs, api::kOursSelector, caches_.jobs, &api::decode_job);
  watch(kube::kPods, api::kOursSelector, caches_.pods, &api::decode_pod);
  for (const auto& watcher : watchers_) {
    while (!watcher->wait_synced(kStartDeadline, stop)) {
      if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped while the caches were being filled");
      log::warn("the caches are not filled yet", {{"error", watcher->last_error()}});
    }
  }
  // Not waited for: a sweep that is not seen yet is only not worked on yet. So the operator also serves a cluster whose
  // CRDs are older than it is. Its list comes after the others, so that there is the memory of one at a time.
  watch(kube::kModelSweeps, "", caches_.sweeps,
        [](const kube::Json& object) { return controller::make_sweep_record(api::decode_model_sweep(object)); });
  // The JSON of the lists is many times larger than what is kept of it, and much of the code at the start runs only
  // once.
  runtime::give_back_memory();
  synced_ = true;
  return {};
}

// Run pods are known by their tokens, and a TokenReview needs a right over the cluster that is easily missing where
// everything else is allowed by Roles. Without it every run would wait for its end in vain.
Result<void> Operator::wait_for_reviews(const std::stop_token& stop) {
  int tries = 0;
  while (true) {
    const auto may = may_review_tokens(client_, stop);
    if (may) return {};
    if (tries++ % kReviewTriesALog == 0) log::error("not ready", {{"error", may.error().message}});
    if (!steady_.sleep(kReviewPause, stop)) {
      return fail(ErrorKind::kCancelled, "stopped while the right to create TokenReviews was missing");
    }
  }
}

// Whether the API server has image volumes. One that cannot say so now has none for this term: runs then start as they
// do where there are none.
bool Operator::has_image_volumes() {
  if (flags_.settings.image_volumes != controller::ImageVolumes::kAuto) return true;
  // The lease is not renewed meanwhile.
  const auto version = client_.with_timeout(std::min(kVersionTime, flags_.lease_duration / 7)).server_version();
  if (version) return *version >= kImageVolumesSince;
  log::warn("agents install the sandbox in this term, because the API server does not tell its version",
            {{"error", version.error().message}});
  return false;
}

Operator::Leading::Leading(Operator& op)
    : term(std::make_shared<controller::Term>(controller::Term::Parts{
          .client = op.client_,
          .settings = op.flags_.settings,
          .clock = op.clock_,
          .steady = op.steady_,
          .caches = op.caches_,
          .git = *op.git_,
          .policy = op.flags_.git,
          .events = op.events_,
          .metrics = op.metrics_,
          .executor = std::make_unique<controller::ThreadPool>(),
          .tracer = op.tracer_.get(),
          .sink = op.sink_.get(),
          .image_volumes = op.has_image_volumes(),
      })),
      runs(
          "runs", op.flags_.workers, term->context().run_queue,
          [&context = term->context()](const std::string& key, std::stop_token stop) {
            return controller::reconcile_run(context, key, std::move(stop));
          },
          op.steady_, &op.metrics_),
      projects(
          "projects", 2, term->context().project_queue,
          [&context = term->context()](const std::string& key, std::stop_token stop) {
            return controller::reconcile_project(context, key, std::move(stop));
          },
          op.steady_, &op.metrics_),
      sweeps(
          "sweeps", 2, term->context().sweep_queue,
          [&context = term->context()](const std::string& key, std::stop_token stop) {
            return controller::reconcile_sweep(context, key, std::move(stop));
          },
          op.steady_, &op.metrics_) {
  if (op.sink_ == nullptr) return;
  end_events.emplace(
      "end_events", kSenders, term->context().end_event_queue,
      [&context = term->context()](const std::string& key, std::stop_token stop) {
        return controller::deliver_end_event(context, key, std::move(stop));
      },
      op.steady_, &op.metrics_);
}

void Operator::begin_leading() {
  log::info("leading");
  leading_.emplace(*this);
  term_.begin(leading_->term);
  leading_->runs.start();
  leading_->projects.start();
  leading_->sweeps.start();
  if (leading_->end_events) leading_->end_events->start();
}

void Operator::end_leading() {
  term_.end();
  leading_.reset();
  log::info("not leading");
}

void Operator::lead(const std::stop_token& stop) {
  if (!flags_.leader_elect) {
    begin_leading();
    Mutex mutex;
    CondVar never;
    const MutexLock lock(mutex);
    never.wait(mutex, stop, [] { return false; });
    end_leading();
    return;
  }
  runtime::LeaderOptions options;
  options.namespace_ = flags_.namespace_;
  options.lease = "modelrun-operator";
  options.identity = identity();
  options.lease_duration = flags_.lease_duration;
  options.renew_deadline = flags_.lease_duration * 2 / 3;
  options.retry_period = flags_.lease_duration / 7;
  runtime::LeaderElector elector(client_, options, {[this] { begin_leading(); }, [this] { end_leading(); }}, clock_,
                                 steady_, &metrics_);
  elector.run(stop);
}

Result<void> Operator::run(const std::stop_token& stop) {
  RETURN_IF_ERROR(start_probes());
  RETURN_IF_ERROR(start_run_server(stop));
  auto started = wait_for_reviews(stop);
  if (started) started = start_watchers(stop);
  if (!started) return stop.stop_requested() ? Result<void>{} : started;
  log::info("ready", {{"version", MODELRUN_VERSION},
                      {"runs", std::to_string(caches_.runs.size())},
                      {"namespaces", flags_.watch_namespaces.empty()
                                         ? std::string("all")
                                         : fmt::format("{}", fmt::join(flags_.watch_namespaces, ","))},
                      {"runServer", flags_.settings.run_server_address}});
  std::jthread keeper([this](const std::stop_token& own) { keep_certificate(own); });
  std::jthread sweeper([this](const std::stop_token& own) {
    while (steady_.sleep(kGiveBack, own)) runtime::give_back_memory();
  });
  lead(stop);
  keeper.request_stop();
  sweeper.request_stop();
  for (const auto& watcher : watchers_) watcher->stop();
  run_server_->stop();
  events_.stop();
  if (tracer_) tracer_->stop();
  log::info("stopped");
  return {};
}

}  // namespace modelrun::op
