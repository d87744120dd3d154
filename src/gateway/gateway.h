// The gateway process. This is the only place that creates, connects and stops its parts.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "gateway/api_health.h"
#include "gateway/flags.h"
#include "gateway/http/server.h"
#include "gateway/runs/kube_run_service.h"
#include "gateway/runs/kube_sweep_service.h"
#include "kube/transport.h"
#include "runtime/probe_server.h"
#include "runtime/watch_group.h"
#include "traces/exporter.h"

namespace modelrun::gateway {

// Threads: those of the watchers, that of ApiHealth, that of the traces, the two that wake calls that wait for a run or
// a sweep (in RunCache and SweepCache), those of the HTTP server and of the probe server, one for each log that is
// followed, and the caller's in run(). Members refer to those declared before them, so the order of the declarations
// matters.
//
//   auto gateway = Gateway::make(flags);
//   if (!gateway) return std::unexpected(gateway.error());
//   auto result = (*gateway)->run(stop);
class Gateway {
 public:
  // Reads the cluster's configuration and creates the parts; opens no port and starts no watch. Fails if there is no
  // usable configuration (the errors of kube::default_config()) or no HTTP client can be made from it. `flags` must
  // have passed check_flags().
  static Result<std::unique_ptr<Gateway>> make(Flags flags);
  // The same over a transport that is there already.
  Gateway(Flags flags, std::unique_ptr<kube::Transport> transport);

  // Serves until `stop` is requested, then serves on for --drain without being ready, and at last gives requests in
  // progress --stop-grace to finish. Blocks; call it once.
  // The probes are served first; the main port opens once the cache of runs has been filled. Returns success after a
  // stop, and an error if a port cannot be opened or the certificate cannot be read or used.
  Result<void> run(const std::stop_token& stop);

 private:
  Result<void> start_probes();
  Result<void> start_server();
  // Reads the certificate's files, and gives a changed certificate to the server. Does nothing when there is none.
  void renew_certificate();
  // Returns nullopt if the flags name no certificate.
  [[nodiscard]] Result<std::optional<Certificate>> read_certificate() const;
  [[nodiscard]] runtime::ProbeAnswer answer_probe(std::string_view target) const;
  // Why the gateway is not ready; empty: it is.
  [[nodiscard]] std::string unready() const;

  Flags flags_;
  SystemClock clock_;
  runtime::RealSteadyClock steady_;
  runtime::Metrics metrics_;
  std::unique_ptr<traces::Exporter> tracer_;  // null: there is no tracing
  std::unique_ptr<kube::Transport> transport_;
  kube::Client watching_;  // its lists may take longer than the answers that a caller waits for
  kube::Client client_;
  RunCache cache_;
  runtime::WatchGroup watcher_;
  SweepCache sweep_cache_;
  runtime::WatchGroup sweep_watcher_;
  ApiHealth health_;
  std::atomic<bool> serving_{false}, ending_{false};
  std::unique_ptr<Access> access_;
  KubeRunService runs_;
  KubeSweepService sweeps_;
  std::unique_ptr<Authenticator> authenticator_;
  Identity everybody_;
  App app_;
  std::unique_ptr<runtime::ProbeServer> probes_;
  std::optional<Certificate> certificate_;
  std::unique_ptr<Server> server_;
};

}  // namespace modelrun::gateway
