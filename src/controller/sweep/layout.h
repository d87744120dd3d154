// How the points of a sweep are divided into runs. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "api/model_sweep.h"
#include "sweep/shards.h"
#include "sweep/sweep_points.h"

namespace modelrun::controller {

struct SweepLayout {
  std::size_t total = 0;             // points
  std::vector<sweep::Shard> shards;  // that cover all of them, in order; at least one
};

// Follows from the spec and the points alone, so that every operator finds the runs that another one has made. An
// operator that divided them in another way would take the runs of sweeps that are under way for lost.
SweepLayout lay_out(const api::ModelSweepSpec& spec, const sweep::Points& points);

}  // namespace modelrun::controller
