// What is known in memory of the events of runs that have ended, and of the sink that they are for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "runtime/steady_clock.h"

namespace modelrun::controller {

// The runs that owe an event. Thread-safe. Keeps a reference to the clock. What it holds of a run has a fixed size.
class OwedEvents {
 public:
  OwedEvents(const runtime::SteadyClock& clock, std::uint64_t seed) : clock_(clock), random_(seed) {}

  // How long the run has owed its event. With the first call for the run that is `by_wall_clock`, which other machines
  // may have had a part in, but at least zero; from then on it grows with the steady clock.
  Duration owed_for(const std::string& uid, Duration by_wall_clock);
  // A try was in vain. Returns how long to wait before the next one: from one second, and twice as long each time, to
  // five minutes, and up to half as long again by chance. Zero for a run that is not known (any more).
  Duration failed(const std::string& uid);
  // The sink has taken the event; that is still to be written. A run that is not known is left out.
  void accept(const std::string& uid, Time at);
  // When it did, if it did.
  [[nodiscard]] std::optional<Time> accepted(const std::string& uid) const;
  void forget(const std::string& uid);

  struct Counts {
    std::size_t owed = 0;
    Duration oldest{};  // the longest time that one has been owed for
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Owed {
    runtime::SteadyClock::Point since;
    std::uint32_t failures = 0;
    std::optional<Time> accepted{};
  };
  const runtime::SteadyClock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, Owed> owed_ GUARDED_BY(mutex_);  // by run UID
  std::minstd_rand random_ GUARDED_BY(mutex_);
};

// How often the sink is asked. A sink that fails several times in a row, whatever the events, is asked by one call at a
// time, and ever less often, until it takes an event: a thousand events that wait cost no more than one. Thread-safe.
// Keeps a reference to the clock.
//
//   const Duration wait = pace.begin();
//   if (wait > Duration::zero()) return requeue_after(wait);
//   ...                                   // one call, then one of the three:
//   pace.succeeded(); pace.failed(retry_after); pace.leave();
class SinkPace {
 public:
  explicit SinkPace(const runtime::SteadyClock& clock) : clock_(clock) {}

  // Zero: the caller may call the sink once, and says afterwards what came of it. Else how long to wait before the next
  // begin().
  Duration begin();
  // Returns whether the sink was held to be down until then.
  bool succeeded();
  // The call failed. `retry_after`: the sink wants to be left alone for so long. Returns whether the sink is held to be
  // down from now on, and was not before.
  bool failed(std::optional<Duration> retry_after);
  void leave();  // the sink was not called
  // For how long the sink has been held to be down; zero if it is not.
  [[nodiscard]] Duration down_for() const;

 private:
  static constexpr int kFailuresAllowed = 4;  // in a row, at full pace

  [[nodiscard]] bool is_down() const REQUIRES(mutex_) { return failures_ >= kFailuresAllowed; }

  const runtime::SteadyClock& clock_;
  mutable Mutex mutex_;
  int failures_ GUARDED_BY(mutex_) = 0;  // in a row
  bool probing_ GUARDED_BY(mutex_) = false;
  runtime::SteadyClock::Point not_before_ GUARDED_BY(mutex_){};
  runtime::SteadyClock::Point down_since_ GUARDED_BY(mutex_){};  // read only while it is
};

}  // namespace modelrun::controller
