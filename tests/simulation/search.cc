#include "simulation/search.h"

#include <algorithm>
#include <utility>

namespace modelrun::simulation {
namespace {

// Always the first: the default order of an enumeration that is about faults.
class FirstChoice final : public Choices {
 public:
  std::size_t pick(std::size_t) override { return 0; }
};

Outcome play(std::uint64_t seed, const std::set<std::uint32_t>& suppressed, bool trace) {
  auto options = options_of(seed);
  options.suppressed = suppressed;
  options.trace = trace;
  return World(std::move(options)).play();
}

class Enumerator {
 public:
  Enumerator(const Enumeration& which, std::chrono::seconds time, Coverage& coverage)
      : which_(which), end_(std::chrono::steady_clock::now() + time), coverage_(coverage) {}

  // Plays the worlds with exactly `depth` more deviations than `deviations`. Returns false to stop.
  bool go(std::vector<DeviatingChoices::Deviation> deviations, int depth) {
    if (std::chrono::steady_clock::now() >= end_) return false;
    const auto arity = play_with(deviations, depth == 0);
    if (!result_.violation.empty()) return false;
    if (depth == 0) return true;
    const std::size_t begin = deviations.empty() ? 0 : deviations.back().position + 1;
    if (deviations.empty()) result_.positions = arity.size();
    for (std::size_t position = begin; position < arity.size(); ++position) {
      for (std::size_t value = 1; value < arity[position]; ++value) {
        deviations.push_back({position, value});
        if (!go(deviations, depth - 1)) return false;
        deviations.pop_back();
      }
    }
    return true;
  }

  Enumerated& result() { return result_; }

 private:
  WorldOptions options() {
    WorldOptions options;
    options.instant = true;
    options.elect = false;
    options.shape = which_.shape;
    options.only = which_.faults;
    if (!which_.faults.empty()) options.schedule = &first_;
    return options;
  }

  std::vector<std::size_t> play_with(const std::vector<DeviatingChoices::Deviation>& deviations, bool count) {
    DeviatingChoices choices(deviations);
    auto world_options = options();
    (world_options.schedule == nullptr ? world_options.schedule : world_options.strikes) = &choices;
    world_options.coverage = &coverage_;
    if (count) ++result_.worlds;
    const auto outcome = World(world_options).play();
    if (!outcome.violation.empty() && result_.violation.empty()) {
      result_.violation = outcome.violation;
      result_.deviations = deviations;
      DeviatingChoices again(deviations);
      auto traced = options();
      (traced.schedule == nullptr ? traced.schedule : traced.strikes) = &again;
      traced.trace = true;
      result_.trace = World(traced).play().trace;
    }
    return choices.arity();
  }

  const Enumeration& which_;
  const std::chrono::steady_clock::time_point end_;
  Coverage& coverage_;
  FirstChoice first_;
  Enumerated result_;
};

}  // namespace

WorldOptions options_of(std::uint64_t seed) {
  WorldOptions options;
  options.seed = seed;
  options.shape = random_shape(seed);
  return options;
}

std::string invariant_of(const std::string& violation) {
  return violation.substr(0, violation.find(':'));
}

Shrunk shrink(std::uint64_t seed, const std::set<std::uint32_t>& suppressed) {
  Shrunk best{suppressed, play(seed, suppressed, true), 1};
  const auto invariant = invariant_of(best.outcome.violation);
  const auto try_without = [&](const std::vector<std::uint32_t>& indexes) {
    auto more = best.suppressed;
    more.insert(indexes.begin(), indexes.end());
    auto outcome = play(seed, more, true);
    ++best.tries;
    if (outcome.violation.empty() || invariant_of(outcome.violation) != invariant) return false;
    best.suppressed = std::move(more);
    best.outcome = std::move(outcome);
    return true;
  };
  const auto struck = [&] {
    std::vector<std::uint32_t> indexes;
    for (const auto& each : best.outcome.struck) indexes.push_back(each.index);
    return indexes;
  };
  // Parts of half the size, a quarter, and so on down to single ones; again as long as that helps.
  for (std::size_t size = std::max<std::size_t>(struck().size() / 2, 1);; size /= 2) {
    bool helped = true;
    while (helped) {
      helped = false;
      const auto indexes = struck();
      for (std::size_t at = 0; at < indexes.size() && !helped; at += size) {
        const auto last = std::min(at + size, indexes.size());
        helped = try_without(
            {indexes.begin() + static_cast<std::ptrdiff_t>(at), indexes.begin() + static_cast<std::ptrdiff_t>(last)});
      }
    }
    if (size <= 1) return best;
  }
}

const std::vector<Enumeration>& enumerations() {
  using P = Perturbation;
  static const std::vector<Enumeration> kAll = {
      {.name = "one-run",
       .what = "one run and one process: a crash before or after any request, or a watch that lags",
       .shape = {.runs = 1, .plain = true},
       .faults = {P::kCrashBefore, P::kCrashAfter, P::kWatchLag}},
      {.name = "one-warm-run",
       .what = "the same of a run with a standby, and the standby's or the run's pod killed after any write",
       .shape = {.runs = 1, .plain = true, .standbys = 1},
       .faults = {P::kCrashBefore, P::kCrashAfter, P::kWatchLag, P::kAgentKilled}},
      {.name = "two-leaders",
       .what = "two runs, one slot, two processes that both lead: which fiber goes on",
       .shape = {.runs = 2, .processes = 2, .plain = true, .slots = 1}},
      {.name = "two-warm-leaders",
       .what = "two runs, one standby, two processes that both lead: which fiber goes on",
       .shape = {.runs = 2, .processes = 2, .plain = true, .standbys = 1}},
  };
  return kAll;
}

Enumerated enumerate(std::string_view name, int depth, std::chrono::seconds time, Coverage& coverage) {
  Enumerator enumerator(*std::ranges::find(enumerations(), name, &Enumeration::name), time, coverage);
  for (int deviations = 0; deviations <= depth; ++deviations) {
    if (!enumerator.go({}, deviations)) break;
    enumerator.result().complete_depth = deviations;
  }
  enumerator.result().states = coverage.states();
  return std::move(enumerator.result());
}

}  // namespace modelrun::simulation
