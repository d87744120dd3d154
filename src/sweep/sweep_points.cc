#include "sweep/sweep_points.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "api/parameters.h"
#include "base/large_document.h"
#include "sweep/outputs.h"

namespace modelrun::sweep {

Result<SpacePoints> points_of(const api::ModelSweepSpec& spec, const AdmitSpace& admit) {
  RETURN_IF_ERROR(check_outputs(spec.outputs));
  auto space = decode_space(spec.space.text());
  RETURN_IF_ERROR(space);
  if (admit) RETURN_IF_ERROR(admit(*space));
  const auto& base = spec.parameters.text();
  auto points = expand(*space, base == "null" ? std::string_view() : std::string_view(base));
  RETURN_IF_ERROR(points);
  if (points->points.empty()) return fail(ErrorKind::kInvalid, "space: has no point");
  return SpacePoints{std::move(*space), std::move(*points)};
}

std::size_t memory_of_points(const Space& space) {
  const auto points = std::min<std::uint64_t>(point_count(space), kMaxPoints);
  return 2 * kMaxPointsBytes + points * (sizeof(Point) + kMaxNames * sizeof(std::string));
}

std::size_t points_bytes(const Points& points, std::size_t first, std::size_t count) {
  std::size_t bytes = 2;
  for (std::size_t i = first; i < first + count; ++i) bytes += points.points.at(i).parameters.size() + 1;
  return bytes;
}

nlohmann::json points_json(const Points& points, std::size_t first, std::size_t count) {
  auto list = nlohmann::json::array();
  for (std::size_t i = first; i < first + count; ++i) {
    list.push_back(nlohmann::json::parse(points.points.at(i).parameters));
  }
  return list;
}

std::string points_digest(const Points& points, std::size_t first, std::size_t count) {
  const LargeDocument turn(points_bytes(points, first, count));
  return api::Parameters(points_json(points, first, count)).digest();
}

}  // namespace modelrun::sweep
