// Who waits for a run number and a concurrency slot, and when each project's status was last written.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "controller/project/observed.h"
#include "runtime/steady_clock.h"

namespace modelrun::controller {

// The runs that ask for a slot, per project. Thread-safe. Lost with the process: each run asks again when it is
// reconciled.
class SlotQueue {
 public:
  // `project_key` is "namespace/name". A second request of the same run replaces the first.
  void enter(const std::string& project_key, SlotRequest request);
  // Does nothing if the run does not wait.
  void leave(const std::string& uid);
  // First in, first out: by creation time, then uid.
  [[nodiscard]] std::vector<SlotRequest> of(const std::string& project_key) const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::map<std::string, SlotRequest>> by_project_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> project_of_ GUARDED_BY(mutex_);  // by run UID
};

// When each project's status was last written by this process. Thread-safe.
class WriteTimes {
 public:
  using Point = runtime::SteadyClock::Point;
  // nullopt when this process never wrote it.
  [[nodiscard]] std::optional<Point> last(const std::string& project_key) const;
  void note(const std::string& project_key, Point now);
  void forget(const std::string& project_key);

 private:
  mutable Mutex mutex_;
  std::map<std::string, Point> times_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::controller
