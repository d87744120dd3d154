#include "controller/sweep/survey.h"

#include <algorithm>

#include "controller/run/limits.h"

namespace modelrun::controller {
namespace {

// How many of the part's points are behind the run that has timed out: those that have a row, which are the first ones
// because they come one after the other, and at least one. A point that takes all the time is not tried again.
std::size_t behind(const SweepPart& part) {
  return static_cast<std::size_t>(std::clamp<std::int64_t>(part.rows(), 1, static_cast<std::int64_t>(part.count)));
}

bool goes_on(const SweepPart& part) {
  return part.ended() && part.run->phase == api::Phase::kTimedOut && behind(part) < part.count;
}

void add_shard(const SweepObserved& observed, std::size_t number, const sweep::Shard& shard, SweepSurvey& survey) {
  std::size_t first = shard.first;
  std::size_t left = shard.count;
  for (int again = 1; left > 0; ++again) {
    const auto last = again == 1 ? std::to_string(number) : fmt::format("{}-{}", number, again);
    SweepPart part{own_name(observed.sweep->meta, last), first, left, left, nullptr, again > 1};
    if (const auto found = observed.runs.find(part.name); found != observed.runs.end()) part.run = &found->second;
    if (goes_on(part)) part.covers = behind(part);
    first += part.covers;
    left -= part.covers;
    survey.parts.push_back(std::move(part));
  }
}

void count_part(const SweepObserved& observed, const SweepPart& part, SweepSurvey& survey) {
  if (part.run == nullptr) return;
  const auto& run = *part.run;
  survey.succeeded += run.succeeded;
  survey.failed += run.failed;
  if (part.active()) {
    ++survey.active;
    if (run.deleting) ++survey.deleting;
    if (run.phase == api::Phase::kRunning && std::cmp_less(part.rows(), part.count)) ++survey.running;
  }
  survey.started |= part.rows() > 0 || run.phase == api::Phase::kRunning;
  const bool executed =
      run.phase != api::Phase::kCancelled && !gave_up(observed.sweep->spec.limits, run.phase, run.failed);
  if (executed) survey.failed += part.missing();
}

}  // namespace

std::int64_t SweepPart::missing() const {
  return ended() ? std::max<std::int64_t>(static_cast<std::int64_t>(covers) - rows(), 0) : 0;
}

SweepSurvey survey(const SweepObserved& observed) {
  SweepSurvey survey;
  const auto& layout = *observed.layout;
  survey.total = static_cast<std::int64_t>(layout.total);
  for (std::size_t i = 0; i < layout.shards.size(); ++i) add_shard(observed, i, layout.shards[i], survey);
  for (const auto& part : survey.parts) count_part(observed, part, survey);
  return survey;
}

bool gave_up(const api::SweepLimits& limits, api::Phase phase, std::int64_t failed) {
  return phase == api::Phase::kFailed && limits.max_failed_points && failed > *limits.max_failed_points;
}

}  // namespace modelrun::controller
