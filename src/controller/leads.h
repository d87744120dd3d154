// Which of several identical runs the others join, before anything about it stands in the API server.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace modelrun::controller {

// A run says what it is identical to (status.identity) in the write that admits it. Of identical runs that come at
// once, all but the first are looked at before that: here they find it. Thread-safe. Lost with the process: then
// status.identity tells, and at worst two identical runs run.
class Leads {
 public:
  struct Lead {
    std::string uid;
    std::string key;  // "namespace/name"
  };

  [[nodiscard]] std::optional<Lead> of(const std::string& identity) const;
  // Makes `run` the one that others join. False, and nothing happens, when there is another of which `leads_still` says
  // yes. That is called under the lock: it must not call back.
  bool take(const std::string& identity, Lead run, const std::function<bool(const Lead&)>& leads_still);
  // The run is over or gone.
  void leave(const std::string& uid);

 private:
  mutable std::mutex mutex_;                        // guards both
  std::map<std::string, Lead> by_identity_;         // a run has at most one
  std::map<std::string, std::string> identity_of_;  // by uid
};

}  // namespace modelrun::controller
