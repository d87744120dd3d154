// The points of a ModelSweep. Whoever asks whether a sweep can be run, before it is made or when it begins, asks here.
// Pure and thread-safe.
#pragma once

#include <functional>

#include "api/model_sweep.h"
#include "base/error.h"
#include "sweep/space.h"

namespace modelrun::sweep {

struct SpacePoints {
  Space space;
  Points points;  // at least one
};

// Asked before the points of the space are made; its error ends that.
using AdmitSpace = std::function<Result<void>(const Space& space)>;

// Fails as decode_space(), expand() and check_outputs() do: such a sweep cannot be run; and as `admit`, which may be
// empty. REQUIRES: the texts of the spec are there.
Result<SpacePoints> points_of(const api::ModelSweepSpec& spec, const AdmitSpace& admit = {});

}  // namespace modelrun::sweep
