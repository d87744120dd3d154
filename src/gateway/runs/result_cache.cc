#include "gateway/runs/result_cache.h"

#include "base/mutex.h"
#include "gateway/runs/run_fields.h"

namespace modelrun::gateway {
namespace {

constexpr std::size_t kOverhead = 2048;  // bytes of a run or a frame apart from the texts that are counted

std::size_t bytes_of(const api::ModelRun& run) {
  return kOverhead + run.status.out.size() + run.status.err.size() +
         (run.status.outputs ? run.status.outputs->size() : 0) +
         (run.spec.parameters ? run.spec.parameters->size() : 0);
}

std::size_t bytes_of(const api::ResultFrame& frame) {
  std::size_t bytes = kOverhead + frame.out.head.size() + frame.out.tail.size() + frame.err.head.size() +
                      frame.err.tail.size() + (frame.outputs ? frame.outputs->size() : 0);
  for (const auto& artifact : frame.artifacts)
    bytes += artifact.name.size() + (artifact.bytes ? artifact.bytes->size() : 0);
  return bytes;
}

}  // namespace

RunPtr ResultCache::run(std::string_view uid, std::uint64_t version) {
  const MutexLock lock(mutex_);
  const auto* entry = kept_.find(uid);
  return entry != nullptr && entry->value.run->meta.resource_version == version ? entry->value.run : nullptr;
}

std::optional<std::pair<RunPtr, FramePtr>> ResultCache::whole(std::string_view uid, std::uint64_t version,
                                                              std::size_t max_bytes) {
  const MutexLock lock(mutex_);
  const auto* entry = kept_.find(uid);
  if (entry == nullptr || entry->bytes > max_bytes) return std::nullopt;
  const auto& [run, frame, digest] = entry->value;
  if (run->meta.resource_version != version) return std::nullopt;
  if (!needs_payload(*run)) return std::pair{run, FramePtr()};
  if (!frame || digest != run->status.result_ref->sha256) return std::nullopt;
  return std::pair{run, frame};
}

FramePtr ResultCache::frame(const api::ModelRun& run) {
  const MutexLock lock(mutex_);
  const auto* entry = kept_.find(run.meta.uid);
  const bool same = entry != nullptr && entry->value.frame_digest == run.status.result_ref->sha256;
  return same ? entry->value.frame : nullptr;
}

void ResultCache::put(const RunPtr& run) {
  const auto bytes = bytes_of(*run);
  const MutexLock lock(mutex_);
  kept_.put(run->meta.uid, {.run = run, .frame = {}, .frame_digest = {}}, bytes);
}

void ResultCache::put(const api::ModelRun& run, FramePtr frame) {
  const auto more = bytes_of(*frame);
  const MutexLock lock(mutex_);
  const auto* entry = kept_.find(run.meta.uid);
  if (entry == nullptr) return;  // the run was too large to be kept, or has been dropped since
  kept_.put(run.meta.uid, {entry->value.run, std::move(frame), run.status.result_ref->sha256}, entry->bytes + more);
}

}  // namespace modelrun::gateway
