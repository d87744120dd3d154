// The runs of the cluster as the watch shows them: for look-ups by id, lists, and waiting for a change.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/run_service.h"
#include "gateway/waiting_room.h"
#include "runtime/store.h"

namespace modelrun::gateway {

struct CachedRun {
  kube::ObjectMeta meta;
  RunSummary run;
};

CachedRun cached_run(const api::ModelRun& run);

// Thread-safe. A Watcher feeds it through sink(); without one it holds only what note() has brought.
class RunCache {
 public:
  RunCache();

  // Takes the answer to a read or write of our own: nothing that is older than what is known gets in.
  void note(const api::ModelRun& run);
  [[nodiscard]] std::optional<RunSummary> find(const RunKey& key) const;
  // Runs whose UID begins with `digits` (hex, lower case, no dashes, at least eight), at most `limit` of them.
  [[nodiscard]] std::vector<RunSummary> by_uid(std::string_view digits) const;
  [[nodiscard]] std::vector<RunSummary> of_project(const ProjectRef& project) const;
  [[nodiscard]] std::vector<RunSummary> of_namespace(std::string_view namespace_) const;

  // RunService::pause.
  void pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) {
    room_.enter({}, span, stop, std::move(wake));  // no run has an empty UID
  }
  // RunService::notify.
  void notify(const RunKey& key, std::uint64_t seen, std::chrono::milliseconds span, const std::stop_token& stop,
              std::function<void()> wake);

  [[nodiscard]] runtime::WatchSink& sink() { return sink_; }

 private:
  runtime::Store<CachedRun> store_;
  runtime::StoreSink<CachedRun> sink_;
  WaitingRoom room_;
};

}  // namespace modelrun::gateway
