// What goes wrong in a world, or is done by people, on purpose. Each time that one strikes is an occurrence with an
// index of its own, so that a failing world can be played again without it.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/random.h"

namespace modelrun::simulation {

enum class Perturbation : std::uint8_t {
  // Processes and their clocks.
  kKill,
  kTerminate,
  kCrashBefore,
  kCrashAfter,
  kFreeze,
  kClockJump,
  // Requests and answers.
  kConflict,
  kThrottled,
  kServerError,
  kNoConnection,
  kAnswerLost,
  kSlowAnswer,
  kForbidden,
  kOutage,
  kRefused,
  kWebhook,
  // Watches.
  kWatchLag,
  kWatchSilent,
  kWatchBroken,
  kWatchGone,
  // Git.
  kGitSlow,
  kGitSilent,
  kGitUnavailable,
  kGitDenied,
  kBranchMoved,
  kBranchGone,
  // Nodes and pods.
  kUnschedulable,
  kImagePull,
  kNoImageVolumes,
  kPushLost,
  kAgentKilled,
  kModelOutOfMemory,
  kEvicted,
  kDrained,
  kNodeLost,
  kJobSuspended,
  // People.
  kRunCancelled,
  kRunSuspended,
  kRunDeleted,
  kRunFinalizer,
  kRunRecreated,
  kProjectEdited,
  kProjectSuspended,
  kProjectDeleted,
  kHistorySet,
  kJobDeleted,
  kPodDeleted,
  kChildEdited,
  kNonsenseStatus,
  kForgery,
  kCount,
};

struct PerturbationInfo {
  std::string_view name;
  std::string_view what;  // for --table and the trace
};
const PerturbationInfo& info_of(Perturbation perturbation);

// Which perturbations a world may have, and which of their occurrences are left out. A value: copying it is cheap
// enough for shrinking.
class Perturbations {
 public:
  // Each seed has a random subset of the perturbations, so that rare combinations are not drowned by frequent ones, and
  // a random rate for those that strike at single requests.
  Perturbations(std::uint64_t seed, std::set<std::uint32_t> suppressed);

  // Whether `perturbation` strikes now. It does with the probability `per_mille` / 1000 if the world has it, unless the
  // faults are over or this occurrence is suppressed.
  bool strikes(Perturbation perturbation, unsigned per_mille);
  // The same, for faults of single requests; the rate is that of the world.
  bool strikes_request(Perturbation perturbation) { return strikes(perturbation, request_rate_); }
  // Notes that `perturbation` has struck, whoever has decided that.
  void note(Perturbation perturbation) { has_struck_.at(static_cast<std::size_t>(perturbation)) = true; }
  // From now on nothing strikes.
  void end() { over_ = true; }
  [[nodiscard]] bool over() const { return over_; }
  // For scenarios and enumerations: exactly these are possible.
  void allow_only(const std::vector<Perturbation>& perturbations);
  [[nodiscard]] bool allows(Perturbation perturbation) const {
    return allowed_.at(static_cast<std::size_t>(perturbation));
  }

  // For enumerations: whether one strikes is a choice, whatever its probability.
  void decide_by(Choices& choices) { choices_ = &choices; }

  // Occurrences that have struck, by index.
  struct Occurrence {
    std::uint32_t index = 0;
    Perturbation perturbation{};
  };
  [[nodiscard]] const std::vector<Occurrence>& struck() const { return struck_; }
  [[nodiscard]] bool has_struck(Perturbation perturbation) const {
    return has_struck_.at(static_cast<std::size_t>(perturbation));
  }

 private:
  std::array<bool, static_cast<std::size_t>(Perturbation::kCount)> allowed_{};
  std::array<std::uint32_t, static_cast<std::size_t>(Perturbation::kCount)> counts_{};
  std::array<bool, static_cast<std::size_t>(Perturbation::kCount)> has_struck_{};
  std::vector<Random> streams_;  // one for each perturbation
  std::set<std::uint32_t> suppressed_;
  std::vector<Occurrence> struck_;
  unsigned request_rate_ = 0;
  bool over_ = false;
  Choices* choices_ = nullptr;
};

}  // namespace modelrun::simulation
