// The RunService over Kubernetes: own rights for the work, RBAC's answer about the caller before each step.
#pragma once

#include <atomic>

#include "gateway/run_cache.h"
#include "gateway/run_service.h"
#include "kube/client.h"

namespace modelrun::gateway {

// Thread-safe. Owns nothing; all must outlive it.
class KubeRunService final : public RunService {
 public:
  KubeRunService(kube::Client& client, RunCache& cache, Access& access)
      : client_(client), cache_(cache), access_(access) {}

  Result<Started> start(const Identity& caller, const NewRun& wanted, std::stop_token stop) override;
  void notify(const RunKey& key, std::uint64_t seen, std::chrono::milliseconds span, const std::stop_token& stop,
              std::function<void()> wake) override;
  void pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) override;
  Result<RunSummary> look(const Identity& caller, const RunKey& key, bool live, std::stop_token stop) override;
  Result<RunSummary> find(const Identity& caller, std::string_view run_id, std::stop_token stop) override;
  Result<RunPtr> read(const Identity& caller, const RunKey& key, std::stop_token stop) override;
  std::optional<EndedRun> recall(const Identity& caller, std::string_view run_id) override;
  Result<FramePtr> payload(const Identity& caller, const api::ModelRun& run, std::stop_token stop) override;
  Result<std::vector<RunSummary>> list(const Identity& caller, const ProjectRef& project,
                                       std::optional<api::Phase> phase, std::size_t limit,
                                       std::stop_token stop) override;
  Result<std::vector<RunSummary>> newest(const Identity& caller, const std::string& namespace_,
                                         std::optional<api::Phase> phase, std::size_t limit,
                                         std::stop_token stop) override;
  Result<std::vector<ProjectSummary>> projects(const Identity& caller, const std::string& namespace_,
                                               std::stop_token stop) override;
  Result<Rights> rights(const Identity& caller, const std::string& namespace_, std::stop_token stop) override;
  Result<RunSummary> cancel(const Identity& caller, const RunKey& key, std::stop_token stop) override;
  Result<void> follow_log(const Identity& caller, const api::ModelRun& run,
                          const std::function<bool(std::string_view)>& on_data, std::stop_token stop) override;

 private:
  // Success when `caller` may; kDenied with `what` in the message, or kNotFound with `absent` when the caller may not
  // even see runs of that namespace.
  Result<void> demand(const Identity& caller, const Action& action, std::string_view what, const std::string& absent,
                      std::stop_token stop);
  Result<RunSummary> look_up_live(const Identity& caller, std::string_view digits, std::stop_token stop);
  Result<api::ModelRun> read_live(const RunKey& key, std::stop_token stop);
  Result<Started> join_or_refuse(const nlohmann::json& wanted, const std::string& namespace_, const std::string& name,
                                 std::stop_token stop);

  kube::Client& client_;
  RunCache& cache_;
  Access& access_;
  ResultCache results_;
};

// An error of the API server's as the caller may see it: a right that the gateway itself lacks says nothing about them.
Error own_fault(const Error& error);
// Keeps the newest `limit` runs that have the phase's status word; all phases without one.
void keep_newest(std::vector<RunSummary>& runs, std::optional<api::Phase> phase, std::size_t limit);

}  // namespace modelrun::gateway
