#include "gateway/tools/schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/strict_json.h"

namespace modelrun::gateway::schema {

using nlohmann::json;

json text(const char* description) {
  return {{"type", "string"}, {"description", description}};
}

json text_or_null(const char* description) {
  return {{"type", {"string", "null"}}, {"description", description}};
}

json optional_text(const char* description) {
  return optional_of("string", description);
}

json of_type(const json& type, const char* description) {
  return {{"type", type}, {"description", description}};
}

json anything(const char* description) {
  return {{"description", description}};
}

json optional_of(const char* type, const char* description) {
  json property = of_type({type, "null"}, description);
  property["default"] = nullptr;
  return property;
}

json optional_integer(const char* description, std::int64_t least, std::int64_t most) {
  json property = optional_of("integer", description);
  property.update({{"minimum", least}, {"maximum", most}});
  return property;
}

json optional_list(const char* item, const char* description) {
  json property = optional_of("array", description);
  property["items"] = {{"type", item}};
  return property;
}

json integer(const char* description, std::int64_t least, std::int64_t most, std::int64_t usual) {
  json property = of_type("integer", description);
  property.update({{"minimum", least}, {"maximum", most}, {"default", usual}});
  return property;
}

json list_of(json items, const char* description) {
  return {{"type", "array"}, {"items", std::move(items)}, {"description", description}};
}

json words(const char* description, std::initializer_list<const char*> values) {
  return {{"type", "string"},
          {"enum", std::vector<std::string>(values.begin(), values.end())},
          {"description", description}};
}

json status(const char* description) {
  return words(description, {"pending", "running", "success", "failed", "timed_out", "cancelled"});
}

json object(json properties, const std::vector<std::string>& required) {
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", required},
          {"additionalProperties", false}};
}

json complete(json properties) {
  std::vector<std::string> names;
  for (const auto& [name, unused] : properties.items()) names.push_back(name);
  return object(std::move(properties), names);
}

namespace {

bool is_of(const json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "boolean") return value.is_boolean();
  return type == "null" && value.is_null();
}

std::string described(const json& property) {
  const auto& type = property["type"];
  std::string words = type.is_string() ? type.get<std::string>() : "";
  for (const auto& each : type.is_array() ? type : json::array()) {
    words += (words.empty() ? "" : " or ") + each.get<std::string>();
  }
  if (!property.contains("enum")) return words;
  words = "one of";
  for (const auto& each : property["enum"]) words += " " + each.dump();
  return words;
}

// `type` is one type or a list of them.
bool fits(const json& type, const json& value) {
  return type.is_string() ? is_of(value, type)
                          : std::ranges::any_of(type, [&](const json& each) { return is_of(value, each); });
}

// The integer that `text` writes out, in decimal digits.
std::optional<std::int64_t> integer_in(const std::string& text) {
  std::int64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && last == end ? std::optional(number) : std::nullopt;
}

// What `value` stands for where only `type` is allowed; nullopt if that is not clear.
std::optional<json> meaning_of(const json& type, const json& value) {
  if (fits(type, 0)) {
    constexpr double kExact = 9007199254740992;  // 2^53: a double tells integers up to here apart
    if (value.is_number_float()) {
      const auto number = value.get<double>();
      if (std::trunc(number) == number && std::abs(number) <= kExact) return static_cast<std::int64_t>(number);
    } else if (value.is_string()) {
      if (const auto number = integer_in(value.get_ref<const std::string&>())) return *number;
    }
  }
  const bool structured = fits(type, json::object()) || fits(type, json::array()) || fits(type, 0.5);
  if (structured && value.is_string()) {
    auto parsed = api::parse_strict(value.get_ref<const std::string&>());
    if (parsed && !parsed->is_string() && fits(type, *parsed)) return std::move(*parsed);
  }
  return std::nullopt;
}

Result<void> check_value(const std::string& name, const json& property, const json& value) {
  const bool listed = !property.contains("enum") || value.is_null() ||
                      std::ranges::find(property["enum"], value) != property["enum"].end();
  if (!fits(property["type"], value) || !listed) {
    return fail(ErrorKind::kInvalid, "{}: must be {}, not {}", name, described(property),
                value.is_string() ? value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 80)
                                  : std::string(value.type_name()));
  }
  if (value.is_number() && (value < property.value("minimum", value) || value > property.value("maximum", value))) {
    return fail(ErrorKind::kInvalid, "{}: must be from {} to {}", name, property["minimum"].dump(),
                property["maximum"].dump());
  }
  return {};
}

Result<void> check(const json& schema, const json& arguments) {
  if (!arguments.is_object()) return fail(ErrorKind::kInvalid, "the arguments must be a JSON object");
  const auto& properties = schema["properties"];
  for (const auto& name : schema["required"]) {
    if (!arguments.contains(name.get_ref<const std::string&>())) {
      return fail(ErrorKind::kInvalid, "{}: is required: {}", name.get<std::string>(),
                  described(properties[name.get_ref<const std::string&>()]));
    }
  }
  for (const auto& [name, value] : arguments.items()) {
    const auto property = properties.find(name);
    if (property == properties.end()) {
      std::string known;
      for (const auto& [each, unused] : properties.items()) known += (known.empty() ? "" : ", ") + each;
      return fail(ErrorKind::kInvalid, "there is no argument '{}': there are {}", name.substr(0, 80), known);
    }
    RETURN_IF_ERROR(check_value(name, *property, value));
  }
  return {};
}

}  // namespace

Result<json> read(const json& schema, json arguments) {
  if (arguments.is_object()) {
    std::vector<std::string> absent;
    for (auto& [name, value] : arguments.items()) {
      const auto property = schema["properties"].find(name);
      if (property == schema["properties"].end() || fits((*property)["type"], value)) continue;
      const auto& required = schema["required"];
      if (value.is_null() && std::ranges::find(required, json(name)) == required.end()) {
        absent.push_back(name);
      } else if (auto meant = meaning_of((*property)["type"], value)) {
        value = std::move(*meant);
      }
    }
    for (const auto& name : absent) arguments.erase(name);
  }
  RETURN_IF_ERROR(check(schema, arguments));
  return arguments;
}

}  // namespace modelrun::gateway::schema
