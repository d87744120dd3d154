// The gateway process: every part made, wired and ended in one place.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "gateway/flags.h"
#include "gateway/kube_run_service.h"
#include "gateway/server.h"
#include "kube/transport.h"
#include "runtime/http_server.h"
#include "runtime/watcher.h"

namespace modelrun::gateway {

// Threads: one watcher, the server's, the probes', and the caller's. Members are in the order of their making.
class Gateway {
 public:
  static Result<std::unique_ptr<Gateway>> make(Flags flags);

  // Works until `stop` is requested, then lets requests finish for --stop-grace.
  Result<void> run(const std::stop_token& stop);

 private:
  Gateway(Flags flags, std::unique_ptr<kube::Transport> transport);
  Result<void> start_probes();
  Result<void> start_server();
  // Watches the certificate's files until `stop`.
  void keep_certificate(const std::stop_token& stop);
  [[nodiscard]] Result<std::optional<Certificate>> read_certificate() const;
  [[nodiscard]] runtime::HttpAnswer answer_probe(std::string_view target) const;

  Flags flags_;
  SystemClock clock_;
  runtime::RealSteadyClock steady_;
  runtime::Metrics metrics_;
  std::unique_ptr<kube::Transport> transport_;
  kube::Client client_;
  RunCache cache_;
  runtime::Watcher watcher_;
  std::unique_ptr<Access> access_;
  KubeRunService runs_;
  std::unique_ptr<Authenticator> authenticator_;
  Identity everybody_;
  App app_;
  std::unique_ptr<runtime::HttpServer> probes_;
  std::optional<Certificate> certificate_;
  std::unique_ptr<Server> server_;
};

}  // namespace modelrun::gateway
