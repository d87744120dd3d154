// Work whose memory is many times a large result, which one run at a time may do: the reading of a durable copy, and
// the passes that put a large result (see pods/held_frame.h) into the API server. What a tenant's models leave does not
// decide how much memory the operator needs. A sweep that makes its table counts as a run here.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "api/object_meta.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "runtime/steady_clock.h"

namespace modelrun::controller {

// Runs that cannot have their turn wait in a line: namespaces take turns, and within one the run that has waited
// longest comes first. Thread-safe; nothing blocks. Must outlive its turns.
class LargeWork {
 public:
  // `wake` is given the key of the run whose turn it is: a pass over that run has to follow. It is called without a
  // lock held, on the thread that ended the turn before.
  LargeWork(const runtime::SteadyClock& clock, std::function<void(const std::string& key)> wake)
      : clock_(clock), wake_(std::move(wake)) {}

  // One pass of a run, which may need the turn. Belongs to one thread. A pass that ends without having asked for the
  // turn gives up the run's place in the line: the run needs none.
  class Turn {
   public:
    Turn() = default;  // never gets its turn
    Turn(LargeWork& work, const api::ObjectMeta& run) : work_(&work), run_{run.uid, run.namespace_, run.key()} {}
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // True: the turn is this run's until this object is destroyed. False: another run has it; this one now stands in
    // the line and is woken.
    [[nodiscard]] bool take();
    // True once take() has returned false: the pass leaves undone what it needed the turn for.
    [[nodiscard]] bool waits() const { return asked_ && !held_; }
    // How long the run has been in the line; zero if it is not.
    [[nodiscard]] Duration waited() const;

   private:
    friend class LargeWork;
    struct Run {
      std::string uid;
      std::string namespace_;
      std::string key;
    };
    LargeWork* work_ = nullptr;
    Run run_;
    bool asked_ = false;
    bool held_ = false;
  };

  // Call when the run is gone or over: it gives up its place in the line.
  void forget(const api::ObjectMeta& run) { forget(run.namespace_, run.uid); }
  [[nodiscard]] std::size_t waiting() const;  // runs in the line

 private:
  struct Waiter {
    std::string uid;
    std::string key;
    runtime::SteadyClock::Point since;
  };
  using Line = std::deque<Waiter>;

  bool take(const Turn::Run& run);
  void give_back();
  void forget(const std::string& namespace_, const std::string& uid);
  [[nodiscard]] const Waiter* find(const std::string& namespace_, const std::string& uid) const REQUIRES(mutex_);
  bool erase(const std::string& namespace_, const std::string& uid) REQUIRES(mutex_);
  [[nodiscard]] std::string next_key() const REQUIRES(mutex_);  // empty if nobody is to be woken

  const runtime::SteadyClock& clock_;
  const std::function<void(const std::string& key)> wake_;
  mutable Mutex mutex_;
  bool taken_ GUARDED_BY(mutex_) = false;
  std::map<std::string, Line> lines_ GUARDED_BY(mutex_);   // by namespace; none is empty
  std::deque<std::string> namespaces_ GUARDED_BY(mutex_);  // those of lines_, the one whose turn is next first
};

}  // namespace modelrun::controller
