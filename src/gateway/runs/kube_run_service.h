// The RunService over Kubernetes. It works with the gateway's own credentials and therefore asks Access (in
// production: Kubernetes RBAC) before each step whether the caller may do it.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/runs/result_cache.h"
#include "gateway/runs/run_service.h"
#include "gateway/runs/summary_cache.h"
#include "gateway/runs/watched_objects.h"
#include "kube/client.h"

namespace modelrun::gateway {

// Thread-safe. The client, the cache and the access check must outlive it. Somebody else must feed the cache
// (RunCache::sink()); this class only adds the answers to its own reads and writes.
class KubeRunService final : public RunService {
 public:
  // `namespaces` are the only ones that projects() looks into when the caller names none, in ascending order; empty:
  // all.
  KubeRunService(kube::Client& client, RunCache& cache, Access& access, std::vector<std::string> namespaces = {})
      : client_(client),
        cache_(cache),
        access_(access),
        namespaces_(std::move(namespaces)),
        runs_(client, access, cache, kube::kModelRuns, kRunIds, &api::decode_model_run) {}

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
  Result<RunPage> list(const Identity& caller, const ProjectRef& project, const RunQuery& query,
                       std::stop_token stop) override;
  Result<RunPage> newest(const Identity& caller, const std::string& namespace_, const RunQuery& query,
                         std::stop_token stop) override;
  Result<ProjectPage> projects(const Identity& caller, const ProjectQuery& query, std::stop_token stop) override;
  Result<ProjectDetails> project(const Identity& caller, const ProjectRef& project, const std::string& commit,
                                 std::stop_token stop) override;
  Result<Rights> rights(const Identity& caller, const std::string& namespace_, std::stop_token stop) override;
  Result<RunSummary> cancel(const Identity& caller, const RunKey& key, std::stop_token stop) override;
  Result<void> cancel_unshared(const Identity& caller, const RunKey& key, std::stop_token stop) override;
  Result<void> follow_log(const Identity& caller, const api::ModelRun& run,
                          const std::function<bool(std::string_view)>& on_data, std::stop_token stop) override;
  Result<LogPart> read_log(const Identity& caller, const api::ModelRun& run, std::int64_t offset, std::size_t limit,
                           std::stop_token stop) override;

 private:
  // Succeeds if the caller may read the log of this run's pod and there is one.
  Result<void> demand_log(const Identity& caller, const api::ModelRun& run, std::stop_token stop);
  // Adds the projects of one namespace that come after `query.after`, until the page has one more than its limit.
  Result<void> add_projects(const std::string& namespace_, const ProjectQuery& query, ProjectPage& page,
                            std::stop_token stop);
  // The namespaces that may have projects, in order, from `first` on.
  Result<std::set<std::string>> namespaces_from(const std::string& first, std::stop_token stop);
  // Gives the run the label kLabelShared, unless it has it or is over. kNotFound: it is gone.
  Result<RunSummary> note_shared(RunSummary run, std::stop_token stop);

  kube::Client& client_;
  RunCache& cache_;
  Access& access_;
  const std::vector<std::string> namespaces_;
  const WatchedObjects<RunCache> runs_;
  ResultCache results_;
};

// The message for a run that is not there, or that the caller may not see.
std::string no_run(std::string_view run_id);

}  // namespace modelrun::gateway
