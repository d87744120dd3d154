// What this process knows of the sweeps that are under way, and could find out again: how their points are divided, how
// their runs ended, what is in the way of them, and when their status was last written.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/mutex.h"
#include "controller/sweep/observed.h"
#include "runtime/steady_clock.h"

namespace modelrun::controller {

// By the sweep's UID. Thread-safe. Keeps a reference to the clock.
class SweepNotes {
 public:
  explicit SweepNotes(const runtime::SteadyClock& clock) : clock_(clock) {}

  // Null if it is not known.
  [[nodiscard]] std::shared_ptr<const SweepLayout> layout(const std::string& uid) const;
  void set_layout(const std::string& uid, std::shared_ptr<const SweepLayout> layout);

  // A run that has ended does not change any more; nullopt if it was not read yet.
  [[nodiscard]] std::optional<SweepRunView> ended_run(const std::string& uid, const std::string& run_uid) const;
  void set_ended_run(const std::string& uid, SweepRunView run);

  // A pass has failed with `error`; the trouble lasts until one goes well.
  void note_trouble(const std::string& uid, const Error& error);
  void trouble_over(const std::string& uid);
  [[nodiscard]] std::optional<SweepTrouble> trouble(const std::string& uid) const;
  void give_up(const std::string& uid, std::string why);
  [[nodiscard]] std::optional<std::string> given_up(const std::string& uid) const;

  void note_write(const std::string& uid);
  [[nodiscard]] std::optional<Duration> since_write(const std::string& uid) const;

  // Call it when the sweep has ended or is gone.
  void forget(const std::string& uid);

 private:
  using Point = runtime::SteadyClock::Point;
  struct Trouble {
    std::string message;
    bool refused = false;
    Point since;
  };
  struct Note {
    std::shared_ptr<const SweepLayout> layout;
    std::map<std::string, SweepRunView> ended;  // by UID of the run
    std::optional<Trouble> trouble;
    std::optional<std::string> given_up;
    std::optional<Point> written;
  };
  [[nodiscard]] const Note* find(const std::string& uid) const REQUIRES(mutex_);

  const runtime::SteadyClock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, Note> notes_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::controller
