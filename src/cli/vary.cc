#include "cli/vary.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/text.h"
#include "cli/parameters.h"
#include "sweep/space.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kVary = "--vary";

std::optional<json> number_of(std::string_view text) {
  auto value = api::parse_strict(text);
  return value && value->is_number() ? std::optional(std::move(*value)) : std::nullopt;
}

// The values of "V1,V2,...". JSON comes first, so that a text in quotes or a list may have commas in it.
Result<json> list_of(const std::string& axis, std::string_view text) {
  if (auto list = api::parse_strict(text); list && list->is_array()) return list;
  const auto wrapped = fmt::format("[{}]", text);
  if (auto list = api::parse_strict(wrapped); list || json::accept(wrapped)) {
    if (!list) return fail_in(fmt::format("{} {}", kVary, axis), list.error());
    return list;
  }
  json values = json::array();
  for (const auto part : split_at(text, ',')) {
    if (part.empty()) {
      return fail(ErrorKind::kInvalid, "{} {}={}: a value is missing; write an empty text as '\"\"'", kVary, axis,
                  text);
    }
    auto value = parse_value(kVary, axis, part);
    RETURN_IF_ERROR(value);
    values.push_back(std::move(*value));
  }
  return values;
}

// FROM:TO:COUNT or V1,V2,...
Result<json> values_of_axis(const std::string& axis, std::string_view text) {
  std::vector<json> numbers;
  const auto parts = split_at(text, ':');
  for (const auto part : parts) {
    if (auto number = number_of(part)) numbers.push_back(std::move(*number));
  }
  const bool is_range = parts.size() > 1 && numbers.size() == parts.size();
  if (!is_range) {
    auto values = list_of(axis, text);
    RETURN_IF_ERROR(values);
    return json{{"values", std::move(*values)}};
  }
  // A range without its count would else become a text, which the model gets long after.
  if (parts.size() != 3) {
    return fail(ErrorKind::kInvalid,
                "{} {}={}: a range is FROM:TO:COUNT, as in {}=0.02:0.1:9; for text write it in "
                "quotes, '\"{}\"'",
                kVary, axis, text, axis, text);
  }
  return json{{"from", numbers[0]}, {"to", numbers[1]}, {"count", numbers[2]}};
}

struct Family {
  std::string_view name;
  std::vector<const char*> parameters;
  std::string_view example;
};

Result<json> distribution_of(const std::string& axis, std::string_view text) {
  static const std::array<Family, 4> kFamilies = {{{"normal", {"mean", "stddev"}, "normal:0.05:0.01"},
                                                   {"lognormal", {"mu", "sigma"}, "lognormal:0:0.25"},
                                                   {"uniform", {"low", "high"}, "uniform:0.9:1.2"},
                                                   {"triangular", {"low", "mode", "high"}, "triangular:1:2:4"}}};
  constexpr std::string_view kChoice = "choice:";
  if (text.starts_with(kChoice)) {
    auto values = list_of(axis, text.substr(kChoice.size()));
    RETURN_IF_ERROR(values);
    return json{{"choice", {{"values", std::move(*values)}}}};
  }
  const auto parts = split_at(text, ':');
  const auto* const family = std::ranges::find(kFamilies, parts.front(), &Family::name);
  if (family == kFamilies.end()) {
    return fail(ErrorKind::kInvalid,
                "{} {}={}: with --sample an axis is normal:MEAN:STDDEV, lognormal:MU:SIGMA, uniform:LOW:HIGH, "
                "triangular:LOW:MODE:HIGH or choice:V1,V2,...",
                kVary, axis, text);
  }
  json made = json::object();
  for (std::size_t i = 0; i < family->parameters.size(); ++i) {
    auto value = i + 1 < parts.size() ? number_of(parts[i + 1]) : std::nullopt;
    if (!value || parts.size() != family->parameters.size() + 1) {
      return fail(ErrorKind::kInvalid, "{} {}={}: {} takes {} numbers, as in {}={}", kVary, axis, text, family->name,
                  family->parameters.size(), axis, family->example);
    }
    made[family->parameters[i]] = std::move(*value);
  }
  return json{{std::string(family->name), std::move(made)}};
}

// The space of `axes`, with what `flags` say of it.
json space_with(const VaryFlags& flags, json axes, std::int64_t count) {
  if (!flags.sample) return {{flags.one_at_a_time ? "oneAtATime" : "grid", std::move(axes)}};
  json sample = {{"count", count}, {"axes", std::move(axes)}};
  if (flags.seed) sample["seed"] = *flags.seed;
  if (flags.random) sample["method"] = "Random";
  return {{"sample", std::move(sample)}};
}

Result<void> check_space(std::string_view what, const json& space) {
  const auto decoded = sweep::decode_space(api::json_text(space));
  return decoded ? Result<void>() : fail_in(what, decoded.error());
}

Result<json> axis_of(const VaryFlags& flags, const std::string& pair) {
  const auto equals = pair.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == pair.size()) {
    return fail(ErrorKind::kInvalid, "{} {}: write NAME=FROM:TO:COUNT or NAME=V1,V2,...", kVary, pair);
  }
  const auto name = pair.substr(0, equals);
  const auto text = std::string_view(pair).substr(equals + 1);
  auto values = flags.sample ? distribution_of(name, text) : values_of_axis(name, text);
  RETURN_IF_ERROR(values);
  json axis = std::move(*values);
  axis["name"] = name;
  // Alone first, so that the error names the flag.
  RETURN_IF_ERROR(check_space(fmt::format("{} {}", kVary, pair), space_with(flags, json::array({axis}), 1)));
  return axis;
}

Result<void> check_flags(const VaryFlags& flags, bool points) {
  if (points && (!flags.vary.empty() || flags.sample || flags.one_at_a_time)) {
    return fail(ErrorKind::kInvalid, "--points has all points: --vary, --one-at-a-time and --sample do not go with it");
  }
  if (!points && flags.vary.empty()) {
    return fail(ErrorKind::kInvalid,
                "say what varies: --vary growth=0.02:0.1:9, --vary rate=0.06,0.08, or --points FILE");
  }
  if (!flags.sample && (flags.seed || flags.random)) {
    return fail(ErrorKind::kInvalid, "--seed and --random belong to --sample");
  }
  if (flags.sample && flags.one_at_a_time) {
    return fail(ErrorKind::kInvalid, "--sample and --one-at-a-time exclude each other");
  }
  return {};
}

}  // namespace

Result<json> space_of(const VaryFlags& flags, std::optional<json> points) {
  RETURN_IF_ERROR(check_flags(flags, points.has_value()));
  if (points) {
    json space = {{"points", std::move(*points)}};
    RETURN_IF_ERROR(check_space("--points", space));
    return space;
  }
  json axes = json::array();
  std::set<std::string> names;
  for (const auto& pair : flags.vary) {
    auto axis = axis_of(flags, pair);
    RETURN_IF_ERROR(axis);
    const auto name = axis->at("name").get<std::string>();
    if (!names.insert(name).second) return fail(ErrorKind::kInvalid, "{} {} is given twice", kVary, name);
    axes.push_back(std::move(*axis));
  }
  auto space = space_with(flags, std::move(axes), flags.sample.value_or(0));
  RETURN_IF_ERROR(check_space("the points of the sweep", space));
  return space;
}

}  // namespace modelrun::cli
