// Summaries of all runs in the cluster, kept up to date by a watch: for look-ups by id, for lists, and for waiting
// until a run changes. It checks no rights; KubeRunService does.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/runs/run_service.h"
#include "gateway/runs/run_waiters.h"
#include "runtime/store.h"

namespace modelrun::gateway {

struct CachedRun {
  api::ObjectMeta meta;
  RunSummary run;
};

CachedRun cached_run(const api::ModelRun& run);

// Thread-safe; no method blocks. A runtime::Watcher must feed it through sink(); without one it holds only what note()
// was given. Owns the one thread that wakes waiting calls.
class RunCache {
 public:
  RunCache();

  // Adds the API server's answer to one of the gateway's own reads or writes, which may be ahead of the watch.
  // Ignored if what is known is as new, or if the run has been deleted since.
  void note(const api::ModelRun& run);
  // nullopt if no run of that name is known, or if it has another UID.
  [[nodiscard]] std::optional<RunSummary> find(const RunKey& key) const;
  // All runs whose UID begins with `digits`, in no particular order. REQUIRES: run_id_digits() returned them
  // (lower-case hex without dashes, at least eight).
  [[nodiscard]] std::vector<RunSummary> by_uid(std::string_view digits) const;
  // In no particular order, as the next one.
  [[nodiscard]] std::vector<RunSummary> of_project(const ProjectRef& project) const;
  [[nodiscard]] std::vector<RunSummary> of_namespace(std::string_view namespace_) const;
  [[nodiscard]] std::size_t count_in(std::string_view namespace_) const;

  // See RunService::pause().
  void pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) {
    room_.enter({}, span, stop, std::move(wake));  // no run has an empty UID, so no change wakes it
  }
  // See RunService::notify().
  void notify(const RunKey& key, std::uint64_t seen, std::chrono::milliseconds span, const std::stop_token& stop,
              std::function<void()> wake);

  // Where the Watcher of ModelRuns delivers to. Valid as long as this object.
  [[nodiscard]] runtime::WatchSink& sink() { return sink_; }

 private:
  runtime::Store<CachedRun> store_;
  runtime::StoreSink<CachedRun> sink_;
  RunWaiters room_;
};

}  // namespace modelrun::gateway
