#include "cli/doctor/crd_schema.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "api/json_access.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using nlohmann::json;

// The members of a schema that hold schemas of fields below it, and that are compared one by one.
constexpr std::array<std::string_view, 3> kNested{"properties", "items", "additionalProperties"};

bool is_nested(const std::string& key) {
  return std::ranges::find(kNested, key) != kNested.end();
}

bool same_rules(const json& left, const json& right) {
  const auto rules = [](const json& schema) {
    json kept = json::object();
    if (!schema.is_object()) return kept;
    for (const auto& [key, value] : schema.items()) {
      if (key != "description" && !is_nested(key)) kept[key] = value;
    }
    return kept;
  };
  return rules(left) == rules(right);
}

class Comparison {
 public:
  // NOLINTNEXTLINE(misc-no-recursion): as deep as our own schema
  void walk(const json& cluster, const json& ours, const std::string& path) {
    if (!same_rules(cluster, ours)) found.other_rules = true;
    const auto& theirs = member(cluster, "properties");
    const auto& known = member(ours, "properties");
    for (const auto& [name, schema] : known.items()) {
      const auto below = path.empty() ? name : fmt::format("{}.{}", path, name);
      if (member(theirs, name).is_null()) {
        found.lacking.push_back(below);
      } else {
        walk(theirs.at(name), schema, below);
      }
    }
    for (const auto& [name, schema] : theirs.items()) {
      if (member(known, name).is_null())
        found.unknown.push_back(path.empty() ? name : fmt::format("{}.{}", path, name));
    }
    for (const auto* key : {"items", "additionalProperties"}) {
      const auto& ours_below = member(ours, key);
      const auto& theirs_below = member(cluster, key);
      if (ours_below.is_object() && theirs_below.is_object()) {
        walk(theirs_below, ours_below, path + "[]");
      } else if (ours_below != theirs_below) {
        found.other_rules = true;
      }
    }
  }

  SchemaDifference found;
};

}  // namespace

const json& version_of(const json& crd, const std::string& version) {
  static const json kNone;
  for (const auto& each : member(member(crd, "spec"), "versions")) {
    if (api::text_at(each, "name") == version) return each;
  }
  return kNone;
}

SchemaDifference compare_schemas(const json& cluster, const json& ours, const std::string& version) {
  const auto schema = [&](const json& crd) -> const json& {
    return member(member(version_of(crd, version), "schema"), "openAPIV3Schema");
  };
  Comparison comparison;
  comparison.walk(schema(cluster), schema(ours), "");
  return std::move(comparison.found);
}

}  // namespace modelrun::cli::doctor
