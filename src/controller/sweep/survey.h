// Where the runs of a sweep are. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "controller/sweep/observed.h"

namespace modelrun::controller {

// Points that one run computes. A run that ends for its time limit, which counts over all of its points, has another
// one go on with the points that it has not come to: those are a further part of the shard. So a sweep needs as many
// runs as its points need time.
struct SweepPart {
  std::string name;                   // of its run
  std::size_t first = 0;              // of the sweep's points
  std::size_t count = 0;              // that the run is given
  std::size_t covers = 0;             // of these, the ones that are not a further part's
  const SweepRunView* run = nullptr;  // null: it does not exist
  bool further = false;               // not the first part of its shard

  [[nodiscard]] bool ended() const { return run != nullptr && api::is_final(run->phase); }
  [[nodiscard]] bool active() const { return run != nullptr && !ended(); }
  [[nodiscard]] std::int64_t rows() const { return run == nullptr ? 0 : run->succeeded + run->failed; }
  // Points that a run that has ended has left without a row.
  [[nodiscard]] std::int64_t missing() const;
};

struct SweepSurvey {
  std::vector<SweepPart> parts;  // in the order of their points, which they cover once
  std::int64_t total = 0;        // points
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;    // those that were not executed because something else ended their run, among them
  std::int64_t running = 0;   // runs that execute a point
  std::int64_t active = 0;    // runs that have not ended
  std::int64_t deleting = 0;  // of these, the ones that are being deleted: they need not come to an end
  bool started = false;       // a run has begun to execute
};

// REQUIRES: observed.layout.
SweepSurvey survey(const SweepObserved& observed);

// True if the run has stopped by itself because more points have failed than the sweep bears.
bool gave_up(const api::SweepLimits& limits, api::Phase phase, std::int64_t failed);

// Why a point has no row.
struct SweepMiss {
  api::Phase phase = api::Phase::kCancelled;
  std::string reason, message;
};

}  // namespace modelrun::controller
