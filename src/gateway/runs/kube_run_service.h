// The RunService over Kubernetes. It works with the gateway's own credentials and therefore asks Access (in
// production: Kubernetes RBAC) before each step whether the caller may do it.
#pragma once

#include <chrono>

#include "gateway/runs/run_cache.h"
#include "gateway/runs/run_service.h"
#include "kube/client.h"

namespace modelrun::gateway {

// Thread-safe. The client, the cache and the access check must outlive it. Somebody else must feed the cache
// (RunCache::sink()); this class only adds the answers to its own reads and writes.
class KubeRunService final : public RunService {
 public:
  KubeRunService(kube::Client& client, RunCache& cache, Access& access)
      : client_(client), cache_(cache), access_(access) {}

  Result<Started> start(const Identity& caller, const NewRun& wanted, std::stop_token stop) override;
  void notify(const RunKey& key, std::uint64_t seen, std::chrono::milliseconds span, const std::stop_token& stop,
              std::function<void()> wake) override;
  void pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) override;
  Result<RunSummary> refresh_summary(const Identity& caller, const RunKey& key, bool live,
                                     std::stop_token stop) override;
  Result<RunSummary> find_summary(const Identity& caller, std::string_view run_id, std::stop_token stop) override;
  Result<RunPtr> read_run(const Identity& caller, const RunKey& key, std::stop_token stop) override;
  std::optional<EndedRun> remembered_run(const Identity& caller, std::string_view run_id) override;
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
  // Succeeds if `caller` may do `action`. Otherwise kDenied, with `what` in the message, or, if the caller may not
  // even get runs of that namespace, kNotFound with the message `absent`.
  Result<void> demand(const Identity& caller, const ResourceAttributes& action, std::string_view what,
                      const std::string& absent, std::stop_token stop);
  // The runs whose UID begins with `digits` that the watch shows and the caller may see; at most kCandidates + 1.
  Result<std::vector<RunSummary>> shown_runs(const Identity& caller, std::string_view digits, std::stop_token stop);
  // Whether the watch shows as many runs of the caller's namespace as there are, as far as the caller may know. One
  // read, of one object's metadata.
  Result<bool> watch_is_complete(const Identity& caller, std::stop_token stop);
  // kNotFound also if another run (another UID) has that name now.
  Result<api::ModelRun> read_live(const RunKey& key, std::stop_token stop);
  // Returns the existing run `name` if it was made from the object `wanted`; kInvalid if its spec is another one.
  Result<Started> join_or_refuse(const nlohmann::json& wanted, const std::string& namespace_, const std::string& name,
                                 std::stop_token stop);

  kube::Client& client_;
  RunCache& cache_;
  Access& access_;
  ResultCache results_;
};

// Turns an error of the API server into one that may be shown to the caller. If the gateway itself lacks a right, that
// is not the caller's fault: the error is logged and becomes kUnavailable. Other errors are returned unchanged.
Error own_fault(const Error& error);
// Keeps the newest `limit` of `runs`, newest first. With `phase`, only runs that have its status word are kept.
void keep_newest(std::vector<RunSummary>& runs, std::optional<api::Phase> phase, std::size_t limit);

}  // namespace modelrun::gateway
