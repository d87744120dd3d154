#include "controller/run/points.h"

#include <algorithm>
#include <utility>

#include "api/points.h"
#include "api/reason.h"
#include "base/printable.h"
#include "controller/run/limits.h"
#include "controller/run/record.h"
#include "controller/run/status.h"

namespace modelrun::controller {
namespace {

using api::Phase;
namespace reason = api::reason;

std::int64_t done(const StoredRows& rows) {
  return rows.succeeded + rows.failed;
}

// Where the next rows go: the last ConfigMap, or a new one behind it.
std::string map_for(const Attempt& attempt, const StoredRows& rows) {
  const bool fresh = rows.config_maps.empty() || rows.last_bytes >= kFullMapBytes;
  return fresh ? points_name(attempt.observed.run->meta, rows.config_maps.size() + 1) : rows.config_maps.back();
}

// As many of the rows as fit into one write, which may be all.
std::vector<std::string> first_of(const std::vector<std::string>& rows) {
  std::vector<std::string> some;
  std::size_t bytes = 0;
  for (const auto& row : rows) {
    bytes += row.size() + 1;
    if (!some.empty() && (bytes > kFullMapBytes || some.size() == api::kMaxUnstoredRows)) break;
    some.push_back(row);
  }
  return some;
}

Plan store(const Attempt& attempt, std::vector<std::string> rows) {
  const auto& observed = attempt.observed;
  const auto& stored = observed.points->stored;
  StoreRows step{static_cast<int>(observed.run->status.attempts), stored.of_attempt, std::move(rows),
                 map_for(attempt, stored)};
  Plan plan;
  StoredRows then = stored;
  for (const auto& text : step.rows) {
    if (const auto row = api::decode_row(text)) count_row(*row, then);
  }
  if (then.config_maps.empty() || then.config_maps.back() != step.config_map)
    then.config_maps.push_back(step.config_map);
  plan.status = counted(observed, then, attempt.now);
  plan.before.emplace_back(std::move(step));
  plan.requeue_after = kAtOnce;
  return plan;
}

// More points have failed than may.
bool gave_up(const Observed& observed) {
  const auto& most = observed.run->spec.max_failed_points;
  return most && observed.points->stored.failed > *most;
}

// The API server has refused the rows for as long as that is borne (decide_blocked()).
bool is_unstorable(const Observed& observed) {
  return observed.payload_refusals >= kPayloadTries;
}

// True for an end that the model may have brought about, as opposed to one that came from outside.
bool is_own_doing(const Verdict& verdict) {
  return verdict.phase == Phase::kFailed &&
         (verdict.reason == reason::kOOMKilled || verdict.reason == reason::kSignaled ||
          verdict.reason == reason::kAgentLost);
}

std::string tally(const Observed& observed) {
  const auto& rows = observed.points->stored;
  return fmt::format("{} of {} points succeeded, {} failed", rows.succeeded, observed.run->spec.point_count,
                     rows.failed);
}

}  // namespace

void count_row(const api::PointRow& row, StoredRows& rows) {
  if (row.phase == api::PointPhase::kSucceeded) {
    ++rows.succeeded;
    return;
  }
  if (rows.failed++ == 0 || row.point < rows.first_failed) {
    rows.first_failed = row.point;
    rows.first_failure = row.message.empty() ? row.reason : row.message;
  }
}

std::optional<std::string> refusal_of_points(const api::ModelRunSpec& spec) {
  if (!spec.points) return std::nullopt;
  if (spec.parameters)
    return "spec.parameters and spec.points exclude each other: put the common values into each point";
  if (spec.point_count < 1 || spec.point_count > static_cast<std::int64_t>(api::kMaxPoints)) {
    return fmt::format("spec.points has {} points; 1 to {} can be executed by one run", spec.point_count,
                       api::kMaxPoints);
  }
  if (spec.points->size() <= api::kMaxPointsBytes) return std::nullopt;
  return fmt::format(
      "spec.points has {} bytes as JSON; it must not exceed {}: make several runs of it, or keep what "
      "the points have in common in the repository",
      spec.points->size(), api::kMaxPointsBytes);
}

Decision store_rows(const Attempt& attempt, std::optional<Duration>& next) {
  const auto& observed = attempt.observed;
  if (!observed.points || observed.points->waiting.empty()) return std::nullopt;
  if (is_unstorable(observed)) return std::nullopt;  // the run ends with what is stored
  const auto& points = *observed.points;
  if (points.stored.bytes > kMaxTableBytes) {
    const Verdict verdict{Phase::kFailed, std::string(reason::kOutputsTooLarge),
                          fmt::format("{}, and their rows need more than {} bytes: have each point leave less, or make "
                                      "several runs of it",
                                      tally(observed), kMaxTableBytes),
                          std::nullopt, false};
    Plan plan = conclude(observed, verdict, attempt.pod, attempt.now);
    plan.after.emplace_back(DeleteJob{observed.run->status.job_name});
    return plan;
  }
  const auto wait = is_of_sweep(observed.run->meta) ? kSweepRowsWait : kRowsWait;
  const bool due = points.wanted || observed.frame || points.waiting.size() >= kRowsAtOnce || points.waited >= wait;
  if (!due) {
    next = wait - points.waited;
    return std::nullopt;
  }
  return store(attempt, first_of(points.waiting));
}

Decision store_last_point(const Attempt& attempt, const Verdict& verdict) {
  const auto& observed = attempt.observed;
  if (!observed.points || is_unstorable(observed)) return std::nullopt;
  if (!observed.frame || !observed.frame->at_point || !is_own_doing(verdict)) return std::nullopt;
  const auto point = *observed.frame->at_point;
  const auto& known = observed.points->done;
  if (point < 0 || static_cast<std::size_t>(point) >= known.size() || known[static_cast<std::size_t>(point)]) {
    return std::nullopt;
  }
  api::PointRow row;
  row.point = point;
  row.phase = api::PointPhase::kFailed;
  row.reason = verdict.reason;
  row.message = printable(verdict.message, api::kMaxRowMessage);
  row.exit_code = verdict.exit_code;
  return store(attempt, {api::encode_row(row)});
}

Verdict with_points(const Observed& observed, Verdict verdict) {
  if (!observed.points) {
    // They could not be read for as long as that is borne (decide_blocked()). What the agent says of the whole says
    // nothing about them.
    if (!has_points(observed) || verdict.phase != Phase::kSucceeded) return verdict;
    return {Phase::kFailed, std::string(reason::kInternal),
            "the rows of the run's points could not be read: " + observed.payload_error, verdict.exit_code, false};
  }
  const auto& rows = observed.points->stored;
  const bool all = done(rows) >= observed.run->spec.point_count;
  const bool lost = verdict.phase == Phase::kSucceeded && !all && !gave_up(observed);
  if (all || gave_up(observed)) {
    if (verdict.phase == Phase::kCancelled || verdict.phase == Phase::kTimedOut) return verdict;
    const auto code = verdict.exit_code;
    if (rows.failed == 0) return {Phase::kSucceeded, std::string(reason::kSucceeded), tally(observed), code, false};
    return {Phase::kFailed, std::string(reason::kPointsFailed),
            fmt::format("{}{}; the first, point {}: {}", tally(observed),
                        all ? "" : ", more than spec.maxFailedPoints allows", rows.first_failed, rows.first_failure),
            code, false};
  }
  if (lost) {
    const bool again = !is_unstorable(observed);
    verdict = {Phase::kFailed, std::string(reason::kAgentLost),
               again ? "rows of points were lost" : "rows of points were not stored: " + observed.payload_error,
               verdict.exit_code, again};
  }
  // What ended the attempt may not meet the other points, and nothing that was recorded is executed again.
  const bool ended_by_itself = verdict.phase == Phase::kFailed && verdict.reason != reason::kJobDeleted &&
                               verdict.reason != reason::kOutputsTooLarge;
  if (ended_by_itself && (is_own_doing(verdict) || verdict.reason == reason::kPodDeleted || verdict.retryable) &&
      !is_unstorable(observed)) {
    verdict.retryable = true;
    verdict.free = (verdict.preempted && verdict.free) || rows.of_attempt > 0;
  }
  verdict.message = fmt::format("{}; {}", verdict.message, tally(observed));
  return verdict;
}

}  // namespace modelrun::controller
