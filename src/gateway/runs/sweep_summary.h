// How the gateway names sweeps, and the summary that it keeps of every sweep.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/model_sweep.h"
#include "base/clock.h"

namespace modelrun::gateway {

struct SweepKey {
  std::string namespace_;
  std::string name;
  std::string uid;  // clients call it sweep_id
};

// The few fields of a sweep that lists and waiting calls need; there is one for each sweep in the cluster.
struct SweepSummary {
  SweepKey key;
  std::uint64_t version = 0;  // resourceVersion
  std::string project;
  std::string model;
  std::string branch;  // empty: the default, and not looked up yet; or a commit was named
  std::string commit;  // empty: not pinned yet
  api::Phase phase = api::Phase::kNone;
  api::SweepPoints points;  // all 0 until an operator has seen the sweep
  Time created{};
  std::optional<Time> started, finished;
};

SweepSummary summarize(const api::ModelSweep& sweep);

}  // namespace modelrun::gateway
