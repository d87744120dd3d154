// Chooses one of several identical runs for the others to join, while none of them has its identity in the API server
// yet.
//
// A run with spec.reuse: Join waits for an identical run that is under way. It finds that run by status.identity,
// which is written together with the run's admission. In a burst, identical runs are reconciled before any of them is
// admitted, so status.identity cannot help. The table in this file closes that gap. Example: the identical runs A, B
// and C, all with spec.reuse: Join, are created at the same moment.
//
//   1. A and B are reconciled on two threads. Neither finds another run, so both plan a TakeLead (run/plan.h) before
//      they ask for a slot.
//   2. A calls take() first and gets true. A is the lead, and waits for its slot.
//   3. B calls take() and gets false, because A still leads. B's pass fails with kConflict and B is reconciled again.
//   4. B finds A with of(), and writes status.reusedFrom = A. B now waits for A's result. C does the same on its
//      first pass.
//   5. A is admitted: status.identity of A is in the API server, and later runs find A there.
//   6. A ends. reconcile_run() calls leave(), and B and C take A's result if it is of use to them; see use_of().
//
// If A is suspended, cancelled or deleted before its end, `leads_still` says no for it, and the next take() by B or C
// makes that run the lead.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/mutex.h"

namespace modelrun::controller {

// The leads, at most one for each identity; a run leads at most one identity. `identity` is the text that
// identity_of() returns (run/reuse.h), and must not be empty.
//
// Thread-safe; no function blocks for long. The table is lost when the process ends. Runs that are admitted are still
// found by status.identity then, and at worst two identical runs are executed.
class Leads {
 public:
  struct Lead {
    std::string uid;
    std::string key;  // "namespace/name"
  };

  // The lead of `identity`; nullopt if there is none. The run may have ended or been deleted since it took the lead.
  [[nodiscard]] std::optional<Lead> of(const std::string& identity) const;
  // Makes `run` the lead of `identity`, and returns true. Returns true as well if it is the lead already. If another
  // run is the lead and `leads_still` returns true for it, changes nothing and returns false. A run that led another
  // identity before leads that one no longer. `leads_still` is called with the lock held: it must not call this
  // object.
  bool take(const std::string& identity, Lead run, const std::function<bool(const Lead&)>& leads_still);
  // Call when the run has ended or is gone. Does nothing if it leads no identity.
  void leave(const std::string& uid);

 private:
  mutable Mutex mutex_;
  std::map<std::string, Lead> by_identity_ GUARDED_BY(mutex_);         // each run is in here at most once
  std::map<std::string, std::string> identity_of_ GUARDED_BY(mutex_);  // by run UID
};

}  // namespace modelrun::controller
