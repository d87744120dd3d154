#include "controller/sweep/layout.h"

namespace modelrun::controller {

SweepLayout lay_out(const api::ModelSweepSpec& spec, const sweep::Points& points) {
  std::vector<std::size_t> bytes;
  bytes.reserve(points.points.size());
  for (const auto& point : points.points) bytes.push_back(point.parameters.size());
  return {points.points.size(), sweep::make_shards(bytes, static_cast<std::size_t>(spec.limits.parallelism))};
}

}  // namespace modelrun::controller
