// Cuts a watch's body into events, in whatever pieces it arrives.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "kube/json.h"

namespace modelrun::kube {

enum class EventType { kAdded, kModified, kDeleted, kBookmark, kError };

struct WatchEvent {
  EventType type = EventType::kAdded;
  Json object;  // a metav1.Status for kError
};

// One watch's decoder; not thread-safe. Copies nothing that arrives as a whole line.
class WatchDecoder {
 public:
  // A line of more than `max_line` bytes is refused: etcd's objects are at most 1.5 MB.
  explicit WatchDecoder(std::size_t max_line = 16U << 20U) : max_line_(max_line) {}

  // Calls `on_event` for every event that `chunk` completes. False when `on_event` returned false.
  // kInvalid: not a watch event; kTooLarge. After an error or false it must not be fed again.
  Result<bool> feed(std::string_view chunk, const std::function<bool(WatchEvent&&)>& on_event);

  // At the end of the body: kUnavailable when an event was cut off.
  [[nodiscard]] Result<void> finish() const;

 private:
  std::size_t max_line_;
  std::string partial_;
};

// What an ERROR event says, as an Error: kGone for 410.
[[nodiscard]] Error watch_error(const WatchEvent& event);

}  // namespace modelrun::kube
