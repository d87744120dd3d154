// Summaries of the objects of a kind, of all namespaces or of those that are watched, kept up to date by watches:
// for look-ups by id, for lists, and for waiting until an object changes. It checks no rights; the services do.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/runs/run_summary.h"
#include "gateway/runs/run_waiters.h"
#include "gateway/runs/sweep_summary.h"
#include "runtime/store.h"

namespace modelrun::gateway {

template <class SummaryOf>
struct Cached {
  api::ObjectMeta meta;
  SummaryOf summary;
};

// Thread-safe, but for sink(); no method blocks. A runtime::WatchGroup must feed it through sink(); without one it
// holds only what note() was given. Owns the one thread that wakes waiting calls. There are two: RunCache and
// SweepCache.
template <class ObjectOf, class SummaryOf>
class SummaryCache {
 public:
  using Object = ObjectOf;
  using Summary = SummaryOf;
  using Key = decltype(Summary::key);

  SummaryCache();

  // Adds the API server's answer to one of the gateway's own reads or writes, which may be ahead of the watch.
  // Ignored if what is known is as new, or if the object has been deleted since.
  void note(const Object& object) { store_.put({object.meta, summarize(object)}); }
  // nullopt if no object of that name is known, or if it has another UID.
  [[nodiscard]] std::optional<Summary> find(const Key& key) const;
  // The object of that name, whatever its UID; nullopt if none is known.
  [[nodiscard]] std::optional<Summary> find_named(std::string_view namespace_, std::string_view name) const;
  // All objects whose UID begins with `digits`, in no particular order. REQUIRES: id_digits() returned them
  // (lower-case hex without dashes, at least eight).
  [[nodiscard]] std::vector<Summary> by_uid(std::string_view digits) const;
  // In no particular order, as the next one.
  [[nodiscard]] std::vector<Summary> of_project(const ProjectRef& project) const;
  [[nodiscard]] std::vector<Summary> of_namespace(std::string_view namespace_) const;
  [[nodiscard]] std::size_t count_in(std::string_view namespace_) const;
  // True once the watch has shown all objects that there were at some moment; it stays true. Until then an object that
  // is not known may be there.
  [[nodiscard]] bool filled() const { return store_.filled(); }

  // See RunService::pause().
  void pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) {
    room_.enter({}, span, stop, std::move(wake));  // no object has an empty UID, so no change wakes it
  }
  // See RunService::notify().
  void notify(const Key& key, std::uint64_t seen, std::chrono::milliseconds span, const std::stop_token& stop,
              std::function<void()> wake);

  // Returns where the Watcher of this namespace delivers to; "" stands for one Watcher of all namespaces. The first
  // call for a namespace makes the sink. Make all of them before a Watcher is started, since filled() waits for each.
  // The sink lives as long as this object.
  [[nodiscard]] runtime::WatchSink& sink(const std::string& namespace_ = {});

 private:
  runtime::Store<Cached<Summary>> store_;
  std::map<std::string, runtime::StoreSink<Cached<Summary>>> sinks_;
  RunWaiters room_;
};

using RunCache = SummaryCache<api::ModelRun, RunSummary>;
using SweepCache = SummaryCache<api::ModelSweep, SweepSummary>;

}  // namespace modelrun::gateway
