// The operator process. This is the only place where its parts are made, connected and stopped.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cloudevents/sink.h"
#include "controller/run_gate.h"
#include "controller/term.h"
#include "kube/client.h"
#include "kube/transport.h"
#include "operator/flags.h"
#include "operator/token_authenticator.h"
#include "runserver/server.h"
#include "runtime/leader.h"
#include "runtime/probe_server.h"
#include "runtime/watch_group.h"
#include "runtime/workers.h"
#include "source/client.h"
#include "traces/exporter.h"

namespace modelrun::op {

// Owns all parts of the process. Its threads: five watchers (of each namespace, with --watch-namespaces), the reconcile
// workers, four that deliver events if there is a sink for them, the git pool, those of the run server, one each for
// events of Kubernetes, probes and traces, and one that renews the certificate. The election runs on the thread that
// calls run(). Members are declared in the order in which they are made, and are destroyed in the reverse order.
class Operator {
 public:
  // Reads the kubeconfig and opens the cache of archives; sends nothing to the cluster. Fails when there is no usable
  // kubeconfig or service account (kube::default_config, kube::make_cpprest_transport), or when the directory
  // flags.source_cache cannot be used.
  static Result<std::unique_ptr<Operator>> make(Flags flags);
  // The same over a transport that is there already; it fails for the directory only.
  static Result<std::unique_ptr<Operator>> make(Flags flags, std::unique_ptr<kube::Transport> transport);

  // Starts probes, run server and watchers, takes part in the election, and reconciles until `stop` is requested; then
  // stops all parts, within about ten seconds, and three more for the last spans. Blocks; call it once. Fails when the
  // ports cannot be listened on, or when the Service or the Secret of the run server cannot be read or written. It does
  // not fail when the caches cannot be filled, or when it may not create TokenReviews: it logs that every minute and
  // keeps trying.
  Result<void> run(const std::stop_token& stop);

 private:
  Operator(Flags flags, std::unique_ptr<kube::Transport> transport);
  Result<void> open_archives();
  Result<void> start_probes();
  Result<std::string> run_server_address(const std::stop_token& stop);
  Result<void> start_run_server(const std::stop_token& stop);
  void run_server_refused(std::string_view reason);
  Result<void> start_watchers(const std::stop_token& stop);
  Result<void> wait_for_reviews(const std::stop_token& stop);
  void keep_certificate(const std::stop_token& stop);
  void lead(const std::stop_token& stop);
  bool has_image_volumes();
  void begin_leading();
  void end_leading();
  [[nodiscard]] runtime::ProbeAnswer answer_probe(std::string_view target);

  Flags flags_;
  SystemClock clock_;
  runtime::RealSteadyClock steady_;
  runtime::Metrics metrics_;
  std::unique_ptr<traces::Exporter> tracer_;  // null: there is no tracing
  std::unique_ptr<cloudevents::Sink> sink_;   // null: there are no events
  std::unique_ptr<kube::Transport> transport_;
  kube::Client client_;
  std::atomic<bool> synced_{false};

  source::Client fetcher_;
  source::Resolver resolver_;
  std::unique_ptr<source::ArchiveCache> archives_;
  std::optional<controller::CachedGit> git_;  // absent until open_archives()
  controller::Caches caches_;
  runtime::EventRecorder events_;
  controller::CurrentTerm term_;
  controller::RunGate gate_;
  TokenAuthenticator authenticator_;
  std::unique_ptr<runserver::Server> run_server_;
  std::unique_ptr<runtime::ProbeServer> probes_;

  std::vector<std::unique_ptr<runtime::WatchSink>> sinks_;
  std::vector<std::unique_ptr<runtime::WatchGroup>> watchers_;
  // A term, and who works on its queues. Absent while this process does not lead.
  struct Leading {
    explicit Leading(Operator& op);
    std::shared_ptr<controller::Term> term;
    runtime::Workers runs;
    runtime::Workers projects;
    runtime::Workers sweeps;
    std::optional<runtime::Workers> end_events;  // with a sink
  };
  std::optional<Leading> leading_;  // used by the thread of run() only
};

}  // namespace modelrun::op
