// Decodes the body of a watch, which has one JSON event a line, while it arrives in chunks of any size.
// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
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
  Json object;            // a metav1.Status for kError; only metadata.resourceVersion counts for kBookmark
  std::size_t bytes = 0;  // of its text
};

// Decodes one watch; not thread-safe. A line that arrives whole in one chunk is decoded in place, without a copy.
class WatchDecoder {
 public:
  // A line of more than `max_line` bytes is refused. The default is far above the 1.5 MB that etcd allows for an
  // object.
  explicit WatchDecoder(std::size_t max_line = 16U << 20U) : max_line_(max_line) {}

  // Calls `on_event` for every event that `chunk` completes, ERROR events included, with the turn of a large event (see
  // base/large_document.h). Returns false when `on_event`
  // returned false. kInvalid: a line is not a watch event. kTooLarge: a line exceeds `max_line`. After an error or
  // false the decoder must not be fed again.
  Result<bool> feed(std::string_view chunk, const std::function<bool(WatchEvent&&)>& on_event);

  // To be called at the end of the body: kUnavailable when the last line has no newline, so that its event was cut
  // off.
  [[nodiscard]] Result<void> finish() const;

 private:
  std::size_t max_line_;
  std::string partial_;
};

// Makes the Error of an ERROR event, by the `code` of its Status (500 when it has none): kGone for 410, and so on as
// client.h says.
[[nodiscard]] Error watch_error(const WatchEvent& event);

}  // namespace modelrun::kube
