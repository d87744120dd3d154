#include "sweep/space.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/printable.h"
#include "sweep/exact_json.h"
#include "sweep/fields.h"
#include "sweep/pointer.h"

namespace modelrun::sweep {
namespace {

constexpr int kMaxDepth = 64;  // of the JSON of a space

Result<std::string> decode_name(Fields& fields) {
  const auto value = fields.need("name");
  RETURN_IF_ERROR(value);
  auto name = read_string(fields.path_of("name"), *value);
  RETURN_IF_ERROR(name);
  if (const auto pointer = parse_name(*name); !pointer) {
    return bad_field(fields.path_of("name"), pointer.error().message);
  }
  return name;
}

Result<std::vector<std::string>> decode_values(const std::string& path, std::string_view list) {
  const auto elements = read_list(path, list, kMaxPoints);
  RETURN_IF_ERROR(elements);
  std::vector<std::pair<std::string_view, std::size_t>> seen;
  seen.reserve(elements->size());
  for (std::size_t i = 0; i < elements->size(); ++i) seen.emplace_back((*elements)[i], i);
  std::ranges::sort(seen);
  const auto twice = std::ranges::adjacent_find(seen, [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != seen.end()) {
    return bad_field(fmt::format("{}[{}]", path, std::next(twice)->second),
                     fmt::format("is the same as element {}: leave one of them out", twice->second));
  }
  return std::vector<std::string>(elements->begin(), elements->end());
}

Result<Range> decode_range(Fields& fields) {
  Range range;
  for (auto [name, field] : {std::pair("from", &range.from), {"to", &range.to}}) {
    const auto value = fields.need(name);
    RETURN_IF_ERROR(value);
    RETURN_IF_ERROR(read_number(fields.path_of(name), *value));
    *field = *value;
  }
  const auto count = fields.need_whole("count", 2, kMaxPoints);
  RETURN_IF_ERROR(count);
  range.count = static_cast<std::uint32_t>(*count);
  if (to_double(range.from) == to_double(range.to)) {
    return bad_field(fields.path_of("to"), "must differ from `from`: give a single value in `values`");
  }
  return range;
}

Result<Axis> decode_axis(const std::string& path, std::string_view value) {
  auto fields = Fields::of(path, value);
  RETURN_IF_ERROR(fields);
  auto name = decode_name(*fields);
  RETURN_IF_ERROR(name);
  Axis axis{*std::move(name), {}};
  const auto values = fields->take("values");
  const bool ranged = fields->has("from") || fields->has("to") || fields->has("count");
  if (values.has_value() == ranged) {
    return bad_field(path, values ? "has both a list and a range: give either values, or from, to and count"
                                  : "has no values: give either values, or from, to and count");
  }
  if (values) {
    auto list = decode_values(fields->path_of("values"), *values);
    RETURN_IF_ERROR(list);
    axis.values = *std::move(list);
  } else {
    auto range = decode_range(*fields);
    RETURN_IF_ERROR(range);
    axis.values = *std::move(range);
  }
  RETURN_IF_ERROR(fields->finish());
  return axis;
}

// Fails if two axes change the same place. `AxisType` has a name.
template <class AxisType>
Result<void> check_names(const std::string& path, const std::vector<AxisType>& axes) {
  std::vector<Pointer> pointers;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    auto pointer = parse_name(axes[i].name);
    RETURN_IF_ERROR(pointer);
    for (std::size_t j = 0; j < i; ++j) {
      if (!contains(pointers[j], *pointer) && !contains(*pointer, pointers[j])) continue;
      return bad_field(fmt::format("{}[{}].name", path, i),
                       fmt::format("'{}' changes the same place as '{}' of element {}", printable(axes[i].name, 64),
                                   printable(axes[j].name, 64), j));
    }
    pointers.push_back(*std::move(pointer));
  }
  return {};
}

template <class AxisType>
Result<std::vector<AxisType>> decode_axes(const std::string& path, std::string_view list,
                                          Result<AxisType> (*decode)(const std::string&, std::string_view)) {
  const auto elements = read_list(path, list, kMaxAxes);
  RETURN_IF_ERROR(elements);
  std::vector<AxisType> axes;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    auto axis = decode(fmt::format("{}[{}]", path, i), (*elements)[i]);
    RETURN_IF_ERROR(axis);
    axes.push_back(*std::move(axis));
  }
  RETURN_IF_ERROR(check_names(path, axes));
  return axes;
}

Result<Distribution> decode_normal(Fields& fields) {
  const auto mean = fields.need_number("mean");
  RETURN_IF_ERROR(mean);
  const auto stddev = fields.need_number("stddev");
  RETURN_IF_ERROR(stddev);
  if (*stddev <= 0) return bad_field(fields.path_of("stddev"), "must be greater than 0");
  return Normal{*mean, *stddev};
}

Result<Distribution> decode_lognormal(Fields& fields) {
  constexpr double kMaxMu = 500;
  constexpr double kMaxSigma = 20;
  const auto mu = fields.need_number("mu");
  RETURN_IF_ERROR(mu);
  const auto sigma = fields.need_number("sigma");
  RETURN_IF_ERROR(sigma);
  if (*mu < -kMaxMu || *mu > kMaxMu) {
    return bad_field(fields.path_of("mu"), "must be from -500 to 500: it is the mean of the value's logarithm");
  }
  if (*sigma <= 0 || *sigma > kMaxSigma) {
    return bad_field(fields.path_of("sigma"),
                     "must be greater than 0 and at most 20: it is the standard deviation of the value's logarithm");
  }
  return Lognormal{*mu, *sigma};
}

Result<Distribution> decode_uniform(Fields& fields) {
  const auto low = fields.need_number("low");
  RETURN_IF_ERROR(low);
  const auto high = fields.need_number("high");
  RETURN_IF_ERROR(high);
  if (*low >= *high) return bad_field(fields.path_of("high"), "must be greater than low");
  return Uniform{*low, *high};
}

Result<Distribution> decode_triangular(Fields& fields) {
  const auto low = fields.need_number("low");
  RETURN_IF_ERROR(low);
  const auto mode = fields.need_number("mode");
  RETURN_IF_ERROR(mode);
  const auto high = fields.need_number("high");
  RETURN_IF_ERROR(high);
  if (*low >= *high) return bad_field(fields.path_of("high"), "must be greater than low");
  if (*mode < *low || *mode > *high) return bad_field(fields.path_of("mode"), "must be from low to high");
  return Triangular{*low, *mode, *high};
}

Result<Distribution> decode_choice(Fields& fields) {
  const auto list = fields.need("values");
  RETURN_IF_ERROR(list);
  auto values = decode_values(fields.path_of("values"), *list);
  RETURN_IF_ERROR(values);
  Choice choice{*std::move(values), {}};
  const auto given = fields.take("weights");
  if (!given) return choice;
  const auto path = fields.path_of("weights");
  const auto weights = read_list(path, *given, kMaxPoints);
  RETURN_IF_ERROR(weights);
  if (weights->size() != choice.values.size()) {
    return bad_field(
        path, fmt::format("must be one for each of the {} values, not {}", choice.values.size(), weights->size()));
  }
  for (const auto each : *weights) {
    const auto place = fmt::format("{}[{}]", path, choice.weights.size());
    const auto weight = read_number(place, each);
    RETURN_IF_ERROR(weight);
    // So that no sum of them rounds a weight away.
    if (*weight < 1e-6 || *weight > 1e6) return bad_field(place, "must be from 0.000001 to 1000000");
    choice.weights.push_back(*weight);
  }
  return choice;
}

using Decoder = Result<Distribution> (*)(Fields&);
constexpr std::array<std::pair<std::string_view, Decoder>, 5> kDistributions{{{"normal", decode_normal},
                                                                              {"lognormal", decode_lognormal},
                                                                              {"uniform", decode_uniform},
                                                                              {"triangular", decode_triangular},
                                                                              {"choice", decode_choice}}};

Result<SampleAxis> decode_sample_axis(const std::string& path, std::string_view value) {
  auto fields = Fields::of(path, value);
  RETURN_IF_ERROR(fields);
  auto name = decode_name(*fields);
  RETURN_IF_ERROR(name);
  std::optional<Distribution> found;
  for (const auto& [word, decode] : kDistributions) {
    const auto given = fields->take(word);
    if (!given) continue;
    if (found)
      return bad_field(path, "has two distributions: give one of normal, lognormal, uniform, triangular, choice");
    auto inner = Fields::of(fields->path_of(word), *given);
    RETURN_IF_ERROR(inner);
    auto distribution = decode(*inner);
    RETURN_IF_ERROR(distribution);
    RETURN_IF_ERROR(inner->finish());
    found = *std::move(distribution);
  }
  RETURN_IF_ERROR(fields->finish());
  if (!found) return bad_field(path, "has no distribution: give one of normal, lognormal, uniform, triangular, choice");
  return SampleAxis{*std::move(name), *std::move(found)};
}

Result<Space> decode_grid(std::string_view value) {
  auto axes = decode_axes("space.grid", value, decode_axis);
  RETURN_IF_ERROR(axes);
  return Grid{*std::move(axes)};
}

Result<Space> decode_one_at_a_time(std::string_view value) {
  auto axes = decode_axes("space.oneAtATime", value, decode_axis);
  RETURN_IF_ERROR(axes);
  return OneAtATime{*std::move(axes)};
}

Result<Space> decode_points(std::string_view value) {
  const auto elements = read_list("space.points", value, kMaxPoints);
  RETURN_IF_ERROR(elements);
  PointList list;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const auto each = (*elements)[i];
    if (kind_of(each) != JsonKind::kObject) return wrong_type(fmt::format("space.points[{}]", i), "an object", each);
    list.points.emplace_back(each);
  }
  return list;
}

Result<Method> decode_method(std::string_view value) {
  const auto word = read_string("space.sample.method", value);
  RETURN_IF_ERROR(word);
  if (*word == "LatinHypercube") return Method::kLatinHypercube;
  if (*word == "Random") return Method::kRandom;
  return bad_field("space.sample.method",
                   fmt::format("must be LatinHypercube or Random, not '{}'", printable(*word, 64)));
}

Result<Space> decode_sample(std::string_view value) {
  auto fields = Fields::of("space.sample", value);
  RETURN_IF_ERROR(fields);
  Sample sample;
  const auto count = fields->need_whole("count", 1, kMaxPoints);
  RETURN_IF_ERROR(count);
  sample.count = static_cast<std::uint32_t>(*count);
  if (const auto given = fields->take("seed")) {
    const auto seed = read_whole(fields->path_of("seed"), *given, 0, kMaxSeed);
    RETURN_IF_ERROR(seed);
    sample.seed = *seed;
  }
  if (const auto given = fields->take("method")) {
    const auto method = decode_method(*given);
    RETURN_IF_ERROR(method);
    sample.method = *method;
  }
  const auto list = fields->need("axes");
  RETURN_IF_ERROR(list);
  RETURN_IF_ERROR(fields->finish());
  auto axes = decode_axes(fields->path_of("axes"), *list, decode_sample_axis);
  RETURN_IF_ERROR(axes);
  sample.axes = *std::move(axes);
  return sample;
}

using SpaceDecoder = Result<Space> (*)(std::string_view);
constexpr std::array<std::pair<std::string_view, SpaceDecoder>, 4> kSpaces{{{"grid", decode_grid},
                                                                            {"oneAtATime", decode_one_at_a_time},
                                                                            {"points", decode_points},
                                                                            {"sample", decode_sample}}};

std::uint64_t length_of(const Axis& axis) {
  const auto* range = std::get_if<Range>(&axis.values);
  return range != nullptr ? range->count : std::get<std::vector<std::string>>(axis.values).size();
}

}  // namespace

Result<Space> decode_space(std::string_view json) {
  if (json.size() > kMaxSpaceBytes) {
    return fail(ErrorKind::kTooLarge, "space: has {} bytes as JSON, where at most {} are allowed", json.size(),
                kMaxSpaceBytes);
  }
  const auto text = exact_text(json, {.max_depth = kMaxDepth});
  if (!text) return fail_in("space", text.error());
  auto fields = Fields::of("space", *text);
  RETURN_IF_ERROR(fields);
  std::vector<std::pair<SpaceDecoder, std::string_view>> given;
  for (const auto& [word, decode] : kSpaces) {
    if (const auto value = fields->take(word)) given.emplace_back(decode, *value);
  }
  RETURN_IF_ERROR(fields->finish());
  if (given.size() != 1) {
    return bad_field("space", fmt::format("must have exactly one of grid, oneAtATime, points and sample, not {}",
                                          given.empty() ? "none" : "several"));
  }
  return given[0].first(given[0].second);
}

std::uint64_t point_count(const Space& space) {
  if (const auto* list = std::get_if<PointList>(&space)) return list->points.size();
  if (const auto* sample = std::get_if<Sample>(&space)) return sample->count;
  std::uint64_t count = 1;
  if (const auto* one = std::get_if<OneAtATime>(&space)) {
    for (const auto& axis : one->axes) count += length_of(axis);
    return count;
  }
  for (const auto& axis : std::get<Grid>(space).axes) {
    if (__builtin_mul_overflow(count, length_of(axis), &count)) return std::numeric_limits<std::uint64_t>::max();
  }
  return count;
}

}  // namespace modelrun::sweep
