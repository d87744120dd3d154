// Runs that are over, whole, for the next who asks: they do not change any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "api/model_run.h"
#include "api/sandbox.h"

namespace modelrun::gateway {

using RunPtr = std::shared_ptr<const api::ModelRun>;
using FramePtr = std::shared_ptr<const api::ResultFrame>;

// Thread-safe. Holds about `max_bytes` of results; those that were not asked for the longest go first.
class ResultCache {
 public:
  explicit ResultCache(std::size_t max_bytes = std::size_t{32} << 20U) : max_bytes_(max_bytes) {}

  // Null when it is not here, or here in another version (resourceVersion).
  RunPtr run(std::string_view uid, std::uint64_t version);
  // The run, and its frame if its fields need one (needs_payload()). Nothing when either is not here, or together they
  // have more than `max_bytes`.
  std::optional<std::pair<RunPtr, FramePtr>> whole(std::string_view uid, std::uint64_t version, std::size_t max_bytes);
  // Null when it is not here, or another than status.resultRef names.
  FramePtr frame(const api::ModelRun& run);

  // REQUIRES: the run is over.
  void put(const RunPtr& run);
  void put(const api::ModelRun& run, FramePtr frame);

 private:
  struct Entry {
    std::string uid;
    RunPtr run;
    FramePtr frame;
    std::string frame_digest;
    std::size_t bytes = 0;
  };
  // All under mutex_. Gives null when there is none; else the entry is the newest from then on.
  Entry* find(std::string_view uid);
  void take(Entry entry);

  const std::size_t max_bytes_;
  std::mutex mutex_;
  // Guarded by mutex_. Newest first.
  std::list<Entry> entries_;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_uid_;  // keys are the entries' own
  std::size_t bytes_ = 0;
};

}  // namespace modelrun::gateway
