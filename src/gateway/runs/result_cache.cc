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

ResultCache::Entry* ResultCache::find(std::string_view uid) {
  const auto found = by_uid_.find(uid);
  if (found == by_uid_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front();
}

void ResultCache::take(Entry entry) {
  if (entry.bytes > max_bytes_ / 4) return;  // it would push too many others out
  if (find(entry.uid) != nullptr) {
    bytes_ -= entries_.front().bytes;
    by_uid_.erase(entries_.front().uid);
    entries_.pop_front();
  }
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  by_uid_[entries_.front().uid] = entries_.begin();
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes;
    by_uid_.erase(entries_.back().uid);
    entries_.pop_back();
  }
}

RunPtr ResultCache::run(std::string_view uid, std::uint64_t version) {
  const MutexLock lock(mutex_);
  const Entry* entry = find(uid);
  return entry != nullptr && entry->run->meta.resource_version == version ? entry->run : nullptr;
}

std::optional<std::pair<RunPtr, FramePtr>> ResultCache::whole(std::string_view uid, std::uint64_t version,
                                                              std::size_t max_bytes) {
  const MutexLock lock(mutex_);
  const Entry* entry = find(uid);
  if (entry == nullptr || entry->run->meta.resource_version != version || entry->bytes > max_bytes) return std::nullopt;
  if (!needs_payload(*entry->run)) return std::pair{entry->run, FramePtr()};
  if (!entry->frame || entry->frame_digest != entry->run->status.result_ref->sha256) return std::nullopt;
  return std::pair{entry->run, entry->frame};
}

FramePtr ResultCache::frame(const api::ModelRun& run) {
  const MutexLock lock(mutex_);
  const Entry* entry = find(run.meta.uid);
  return entry != nullptr && entry->frame && entry->frame_digest == run.status.result_ref->sha256 ? entry->frame
                                                                                                  : nullptr;
}

void ResultCache::put(const RunPtr& run) {
  Entry entry{.uid = run->meta.uid, .run = run, .frame = {}, .frame_digest = {}, .bytes = bytes_of(*run)};
  const MutexLock lock(mutex_);
  take(std::move(entry));
}

void ResultCache::put(const api::ModelRun& run, FramePtr frame) {
  const auto more = bytes_of(*frame);
  const MutexLock lock(mutex_);
  const Entry* entry = find(run.meta.uid);
  if (entry == nullptr) return;  // the run was too large to be kept, or has been dropped since
  take({entry->uid, entry->run, std::move(frame), run.status.result_ref->sha256, entry->bytes + more});
}

}  // namespace modelrun::gateway
