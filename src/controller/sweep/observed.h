// Everything that a decision about one sweep may depend on: a snapshot that observe_sweep() takes and decide_sweep()
// reads. Values only; copying one is safe on any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "api/model_sweep.h"
#include "base/clock.h"
#include "controller/sweep/layout.h"

namespace modelrun::controller {

// A run that the sweep owns.
struct SweepRunView {
  std::string uid;
  api::Phase phase = api::Phase::kNone;
  std::int64_t succeeded = 0, failed = 0;  // of its points, those that have a row
  bool cancel = false, suspend = false;    // as its spec says
  bool deleting = false;                   // it may stay so for as long as somebody's finalizer holds it
  // Known while it is under way, and of one that has ended without a row or before the sweep has its commit.
  std::string commit, branch, project_uid;
  std::optional<api::RunError> error;
};

// How long the API server may refuse a run of the sweep, or its table, before the sweep ends without it.
inline constexpr std::chrono::seconds kRefusedWait{60};

// What keeps this process from the sweep's next step.
struct SweepTrouble {
  std::string message;
  bool refused = false;  // see kube::is_refusal()
  Duration lasted{};

  [[nodiscard]] bool for_good() const { return refused && lasted >= kRefusedWait; }
};

struct SweepObserved {
  std::shared_ptr<const api::ModelSweep> sweep;  // never null; has not ended
  std::shared_ptr<const SweepLayout> layout;     // null if there is a refusal
  std::string refusal;                           // why its points cannot be had: its spec is wrong
  std::map<std::string, SweepRunView> runs;      // by name
  std::optional<std::int64_t> project_timeout;   // limits.timeoutSeconds of its project
  std::optional<SweepTrouble> trouble;           // absent: the last pass went well
  std::optional<std::string> given_up;           // why this process makes no further run of it
  // How long ago this process last wrote the sweep's status; absent when it never did.
  std::optional<Duration> since_write;
};

}  // namespace modelrun::controller
