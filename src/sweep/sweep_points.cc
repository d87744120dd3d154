#include "sweep/sweep_points.h"

#include <utility>

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

}  // namespace modelrun::sweep
