// The operator process: every part made, wired and ended in one place.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "controller/context.h"
#include "controller/run_gate.h"
#include "kube/client.h"
#include "kube/transport.h"
#include "operator/flags.h"
#include "operator/token_authenticator.h"
#include "runserver/server.h"
#include "runtime/http_server.h"
#include "runtime/leader.h"
#include "runtime/watcher.h"
#include "runtime/workers.h"

namespace modelrun::op {

// Threads: four watchers, the reconcile workers, the git pool, the run server's, the event recorder's, the probes', and
// the caller's, which runs the election. Members are in the order of their making and go in the reverse.
class Operator {
 public:
  static Result<std::unique_ptr<Operator>> make(Flags flags);

  // Works until `stop` is requested, then ends everything within ten seconds.
  Result<void> run(const std::stop_token& stop);

 private:
  Operator(Flags flags, std::unique_ptr<kube::Transport> transport, std::unique_ptr<source::ArchiveCache> archives);
  Result<void> start_probes();
  Result<std::string> run_server_address(const std::stop_token& stop);
  Result<void> start_run_server(const std::stop_token& stop);
  Result<void> start_watchers(const std::stop_token& stop);
  void keep_certificate(const std::stop_token& stop);
  void lead(const std::stop_token& stop);
  void begin_leading();
  void end_leading();
  [[nodiscard]] runtime::HttpAnswer answer_probe(std::string_view target) const;

  Flags flags_;
  SystemClock clock_;
  runtime::RealSteadyClock steady_;
  runtime::Metrics metrics_;
  std::unique_ptr<kube::Transport> transport_;
  kube::Client client_;
  std::atomic<bool> leading_{false};
  std::atomic<bool> synced_{false};

  runtime::WorkQueue run_queue_;
  runtime::WorkQueue project_queue_;
  controller::Inbox inbox_;
  controller::WaitingRoom waiting_;
  controller::Leads leads_;
  controller::WriteTimes project_writes_;
  source::Resolver resolver_;
  std::unique_ptr<source::ArchiveCache> archives_;
  controller::Caches caches_;
  controller::Sources sources_;
  runtime::EventRecorder events_;
  controller::Context context_;

  controller::RunGate gate_;
  TokenAuthenticator authenticator_;
  std::unique_ptr<runserver::Server> run_server_;
  std::unique_ptr<runtime::HttpServer> probes_;

  std::vector<std::unique_ptr<runtime::WatchSink>> sinks_;
  std::vector<std::unique_ptr<runtime::Watcher>> watchers_;
  runtime::Workers run_workers_;
  runtime::Workers project_workers_;
};

}  // namespace modelrun::op
