// The points of a ModelSweep. Whoever asks whether a sweep can be run, before it is made or when it begins, asks here.
// Pure and thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

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

// Bytes that the points of `space` take in memory at most, while they are made too.
std::size_t memory_of_points(const Space& space);

// Bytes of the text that points_json() stands for, or a few more.
std::size_t points_bytes(const Points& points, std::size_t first, std::size_t count);

// spec.points of a run that computes `count` points from `first` on. REQUIRES: there are so many.
nlohmann::json points_json(const Points& points, std::size_t first, std::size_t count);

// Its digest, as api::Parameters has it. Takes the turn of a large document.
std::string points_digest(const Points& points, std::size_t first, std::size_t count);

}  // namespace modelrun::sweep
