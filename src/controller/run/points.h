// Decides about the points of a run with spec.points (api/points.h): when their rows are stored, and what they mean for
// the end of an attempt. Internal to this room; pure.
#pragma once

#include <cstdint>
#include <string>

#include "api/points.h"
#include "controller/run/attempt.h"
#include "controller/run/verdict.h"

namespace modelrun::controller {

// Rows are stored when that many wait, or when the first has waited for so long, so that there are few writes. A status
// write goes with each.
inline constexpr std::size_t kRowsAtOnce = 100;
inline constexpr std::chrono::seconds kRowsWait{2};
// Of a run that a sweep has made: several of them go on at a time, and people look at the sweep.
inline constexpr std::chrono::seconds kSweepRowsWait{5};
// A ConfigMap gets no more rows when it has that many bytes: its data may have 1 MiB.
inline constexpr std::size_t kFullMapBytes = 512U << 10U;
// What all rows of a run may take, in bytes, compressed.
inline constexpr std::size_t kMaxTableBytes = 16U << 20U;

inline bool has_points(const Observed& observed) {
  return observed.run->spec.points.has_value();
}

// Counts one more row.
void count_row(const api::PointRow& row, StoredRows& rows);

// Refuses a list that is too large to be run; nullopt for any other.
std::optional<std::string> refusal_of_points(const api::ModelRunSpec& spec);

// Stores the rows that wait, if it is time for that or if the attempt is about to end. Nullopt if there is nothing to
// be stored now; then `next` is when there will be, if rows wait.
Decision store_rows(const Attempt& attempt, std::optional<Duration>& next);

// The point that took its sandbox with it gets a row that says why, so that it is not tried again. `verdict` is that of
// the attempt. Nullopt if no point did, or if the verdict is not of the model's making.
Decision store_last_point(const Attempt& attempt, const Verdict& verdict);

// The verdict on the run when an attempt has ended with `verdict`: what its points say if all that were to be executed
// have a row; else another attempt may execute the rest, if this one has brought the run on.
Verdict with_points(const Observed& observed, Verdict verdict);

}  // namespace modelrun::controller
