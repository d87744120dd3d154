#include <algorithm>
#include <numeric>

#include "base/printable.h"
#include "sweep/distribution.h"
#include "sweep/exact_json.h"
#include "sweep/pointer.h"
#include "sweep/random.h"
#include "sweep/space.h"

namespace modelrun::sweep {
namespace {

constexpr std::size_t kNameShown = 64;

// Where the values of a point go: one for each name.
struct Places {
  std::vector<std::string> names;
  std::vector<Pointer> pointers;
};

Result<Places> places_of(std::vector<std::string> names) {
  Places places{std::move(names), {}};
  for (const auto& name : places.names) {
    auto pointer = parse_name(name);
    if (!pointer) return fail_in(fmt::format("name '{}'", printable(name, kNameShown)), pointer.error());
    places.pointers.push_back(*std::move(pointer));
  }
  return places;
}

template <class AxisType>
std::vector<std::string> names_of(const std::vector<AxisType>& axes) {
  std::vector<std::string> names;
  names.reserve(axes.size());
  for (const auto& axis : axes) names.push_back(axis.name);
  return names;
}

std::vector<std::string> values_of(const Axis& axis) {
  const auto* range = std::get_if<Range>(&axis.values);
  return range != nullptr ? values_of(*range) : std::get<std::vector<std::string>>(axis.values);
}

// Puts the points together one by one, and counts their bytes.
class Builder {
 public:
  Builder(std::string base, Places places, std::uint64_t count)
      : base_(std::move(base)), places_(std::move(places)), count_(count) {
    points_.names = places_.names;
  }

  // A point with `values`, one exact text for each name; where one is empty, the parameter stays as it is in the base.
  Result<void> add(const std::vector<std::string>& values, std::optional<std::size_t> axis = std::nullopt) {
    Point point{base_, values, axis};
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].empty()) continue;
      auto changed = with_value(point.parameters, places_.pointers[i], values[i]);
      if (!changed) {
        return fail_in(fmt::format("parameter '{}' of point {}", printable(places_.names[i], kNameShown), size()),
                       changed.error());
      }
      point.parameters = *std::move(changed);
    }
    // Of a written point, another name may have replaced what the base has there.
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].empty()) point.values[i] = value_at(point.parameters, places_.pointers[i]).value_or("");
    }
    return keep(std::move(point));
  }

  Points take() { return std::move(points_); }

 private:
  [[nodiscard]] std::size_t size() const { return points_.points.size(); }

  Result<void> keep(Point point) {
    if (point.parameters.size() >= kMaxPointBytes) {
      return fail(ErrorKind::kTooLarge,
                  "the parameters of point {} have {} bytes as JSON, and must have less than {}: keep large inputs in "
                  "the repository, and give the model what it needs to choose among them",
                  size(), point.parameters.size(), kMaxPointBytes);
    }
    bytes_ += point.parameters.size() + 1;
    if (bytes_ > kMaxPointsBytes) {
      return fail(ErrorKind::kTooLarge,
                  "the parameters of the first {} of {} points have more than {} bytes as JSON: have fewer points, or "
                  "move parameters that are the same in every point into the repository",
                  size() + 1, count_, kMaxPointsBytes);
    }
    points_.points.push_back(std::move(point));
    return {};
  }

  const std::string base_;
  const Places places_;
  const std::uint64_t count_;
  std::size_t bytes_ = 0;
  Points points_;
};

Result<Points> expand_grid(const Grid& grid, std::string base, std::uint64_t count) {
  auto places = places_of(names_of(grid.axes));
  RETURN_IF_ERROR(places);
  std::vector<std::vector<std::string>> axes;
  axes.reserve(grid.axes.size());
  for (const auto& axis : grid.axes) axes.push_back(values_of(axis));
  Builder builder(std::move(base), *std::move(places), count);
  std::vector<std::string> values(axes.size());
  for (std::uint64_t index = 0; index < count; ++index) {
    std::uint64_t rest = index;
    for (std::size_t i = axes.size(); i-- > 0;) {
      values[i] = axes[i][rest % axes[i].size()];
      rest /= axes[i].size();
    }
    RETURN_IF_ERROR(builder.add(values));
  }
  return builder.take();
}

Result<Points> expand_one_at_a_time(const OneAtATime& space, std::string base, std::uint64_t count) {
  auto places = places_of(names_of(space.axes));
  RETURN_IF_ERROR(places);
  Builder builder(std::move(base), *std::move(places), count);
  RETURN_IF_ERROR(builder.add(std::vector<std::string>(space.axes.size())));
  for (std::size_t i = 0; i < space.axes.size(); ++i) {
    std::vector<std::string> values(space.axes.size());
    for (auto& value : values_of(space.axes[i])) {
      values[i] = std::move(value);
      RETURN_IF_ERROR(builder.add(values, i));
    }
  }
  return builder.take();
}

// The names in all points, sorted.
Result<std::vector<std::string>> names_in(const PointList& list) {
  std::vector<std::string> names;
  for (const auto& point : list.points) {
    for (auto& member : members_of(point)) {
      const auto at = std::ranges::lower_bound(names, member.name);
      if (at != names.end() && *at == member.name) continue;
      names.insert(at, std::move(member.name));
      if (names.size() <= kMaxNames) continue;
      return fail(ErrorKind::kTooLarge,
                  "space.points: the points have more than {} different names: put parameters that change together "
                  "into one object",
                  kMaxNames);
    }
  }
  return names;
}

// Whether two names of one point lead to the same place, or into each other.
Result<void> check_point(std::size_t index, const std::vector<JsonMember>& members, const Places& places) {
  std::vector<const Pointer*> pointers;
  for (const auto& member : members) {
    const auto at = std::ranges::lower_bound(places.names, member.name);
    pointers.push_back(&places.pointers[static_cast<std::size_t>(at - places.names.begin())]);
  }
  // In this order, what begins with a pointer follows it.
  std::ranges::sort(pointers, [](const Pointer* a, const Pointer* b) { return *a < *b; });
  const auto clash =
      std::ranges::adjacent_find(pointers, [](const auto* a, const auto* b) { return contains(*a, *b); });
  if (clash == pointers.end()) return {};
  return fail(ErrorKind::kInvalid, "space.points[{}]: '{}' changes the same place as '{}'", index,
              printable(name_of((*std::next(clash))->tokens), kNameShown),
              printable(name_of((*clash)->tokens), kNameShown));
}

Result<Points> expand_points(const PointList& list, std::string base) {
  auto names = names_in(list);
  RETURN_IF_ERROR(names);
  auto places = places_of(*names);
  if (!places) return fail_in("space.points", places.error());
  Builder builder(std::move(base), *places, list.points.size());
  for (std::size_t index = 0; index < list.points.size(); ++index) {
    const auto members = members_of(list.points[index]);
    RETURN_IF_ERROR(check_point(index, members, *places));
    std::vector<std::string> values(names->size());
    for (const auto& member : members) {
      const auto at = std::ranges::lower_bound(*names, member.name);
      values[static_cast<std::size_t>(at - names->begin())] = member.value;
    }
    RETURN_IF_ERROR(builder.add(values));
  }
  return builder.take();
}

Result<Points> expand_sample(const Sample& sample, std::string base) {
  auto places = places_of(names_of(sample.axes));
  RETURN_IF_ERROR(places);
  std::vector<std::vector<std::string>> axes;
  for (const auto& axis : sample.axes) {
    const AxisRandom random(sample.seed, axis.name);
    axes.push_back(values_at(axis.distribution, sample.method == Method::kRandom ? random.independent(sample.count)
                                                                                 : random.stratified(sample.count)));
  }
  Builder builder(std::move(base), *std::move(places), sample.count);
  std::vector<std::string> values(axes.size());
  for (std::uint32_t index = 0; index < sample.count; ++index) {
    for (std::size_t i = 0; i < axes.size(); ++i) values[i] = axes[i][index];
    RETURN_IF_ERROR(builder.add(values));
  }
  return builder.take();
}

Result<std::string> base_text(std::string_view base) {
  if (base.empty()) return "{}";
  if (base.size() > kMaxPointsBytes) {
    return fail(ErrorKind::kTooLarge, "parameters: have {} bytes, where at most {} are read", base.size(),
                kMaxPointsBytes);
  }
  auto text = exact_text(base);
  if (!text) return fail_in("parameters", text.error());
  if (kind_of(*text) != JsonKind::kObject) {
    return fail(ErrorKind::kInvalid, "parameters: must be an object, not {}", to_string(kind_of(*text)));
  }
  return text;
}

}  // namespace

Result<Points> expand(const Space& space, std::string_view base) {
  const auto count = point_count(space);
  if (count > kMaxPoints) {
    return fail(ErrorKind::kTooLarge,
                "space: has {} points, where at most {} are allowed: give some axes fewer values, or draw a sample of "
                "the space instead",
                count, kMaxPoints);
  }
  auto text = base_text(base);
  RETURN_IF_ERROR(text);
  if (const auto* grid = std::get_if<Grid>(&space)) return expand_grid(*grid, *std::move(text), count);
  if (const auto* one = std::get_if<OneAtATime>(&space)) return expand_one_at_a_time(*one, *std::move(text), count);
  if (const auto* list = std::get_if<PointList>(&space)) return expand_points(*list, *std::move(text));
  return expand_sample(std::get<Sample>(space), *std::move(text));
}

}  // namespace modelrun::sweep
