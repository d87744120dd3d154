#include "runtime/tombstones.h"

namespace modelrun::runtime {

SteadyClock::Point Tombstones::now() const {
  return clock_ == nullptr ? std::chrono::steady_clock::now() : clock_->now();
}

void Tombstones::add(std::string_view key, std::string_view uid, std::uint64_t resource_version) {
  const std::uint64_t serial = next_serial_++;
  graves_[std::string{key}] = Grave{std::string{uid}, resource_version, serial};
  line_.push_back({now(), serial, std::string{key}});
  forget_old();
}

bool Tombstones::covers(const api::ObjectMeta& meta) const {
  const auto grave = graves_.find(meta.key());
  if (grave == graves_.end()) return false;
  // A UID is never used again. An object with the same name and another UID is covered if it is older than the
  // deletion.
  return grave->second.uid == meta.uid || meta.resource_version < grave->second.resource_version;
}

void Tombstones::forget_old() {
  const auto oldest = now() - kKeep;
  while (!line_.empty() && (line_.size() > kMax || line_.front().when < oldest)) {
    const auto grave = graves_.find(line_.front().key);
    if (grave != graves_.end() && grave->second.serial == line_.front().serial) graves_.erase(grave);
    line_.pop_front();
  }
}

}  // namespace modelrun::runtime
