// Keeps runs that are over, with their full results, in memory: a result that is asked for again is not read from the
// API server again. Entries are found by UID and resourceVersion, so a run whose object was changed is read anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "base/byte_lru.h"
#include "base/mutex.h"

namespace modelrun::gateway {

using RunPtr = std::shared_ptr<const api::ModelRun>;
using FramePtr = std::shared_ptr<const api::ResultFrame>;

// Thread-safe. Never blocks for long. Holds about `max_bytes` (sizes are estimates) and drops what was used least
// recently. Entries above a quarter of `max_bytes` are not kept. The returned objects are shared and immutable; they
// stay valid when the entry is dropped.
class ResultCache {
 public:
  explicit ResultCache(std::size_t max_bytes = std::size_t{32} << 20U) : kept_(max_bytes, max_bytes / 4) {}

  // The run, if it is kept in this version (resourceVersion); else null.
  RunPtr run(std::string_view uid, std::uint64_t version);
  // The run in this version and, if needs_payload() is true for it, its full result; the frame is null otherwise.
  // nullopt if one of them is not kept, or if the entry is larger than `max_bytes`.
  std::optional<std::pair<RunPtr, FramePtr>> whole(std::string_view uid, std::uint64_t version, std::size_t max_bytes);
  // The full result of `run`; null if it is not kept or has another digest than run.status.result_ref. REQUIRES:
  // run.status.result_ref is set.
  FramePtr frame(const api::ModelRun& run);

  // Keeps a run, in place of what was kept for its UID. REQUIRES: the run is over.
  void put(const RunPtr& run);
  // Adds the full result to a run that is kept; does nothing if the run is not kept, or if both together are too
  // large. REQUIRES: `frame` is the result that run.status.result_ref names.
  void put(const api::ModelRun& run, FramePtr frame);

 private:
  struct Kept {
    RunPtr run;
    FramePtr frame;
    std::string frame_digest;
  };

  Mutex mutex_;
  ByteLru<Kept> kept_ GUARDED_BY(mutex_);  // by UID
};

}  // namespace modelrun::gateway
