// Reading loosely typed JSON without exceptions: a field that is absent or of another type is the fallback.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace modelrun::api {

// The member `name` of `object`, or a null value.
inline const nlohmann::json& member(const nlohmann::json& object, std::string_view name) {
  static const nlohmann::json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

inline std::string text_at(const nlohmann::json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

inline bool bool_at(const nlohmann::json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

inline std::optional<std::int64_t> int_at(const nlohmann::json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

inline std::optional<Time> time_at(const nlohmann::json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_string() ? parse_rfc3339(value.get_ref<const std::string&>()) : std::nullopt;
}

// Writers: leave out what is not set, so that an encoded object holds just what is known.
inline void put_text(nlohmann::json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}

inline void put_time(nlohmann::json& object, const char* name, const std::optional<Time>& value) {
  if (value) object[name] = format_rfc3339(*value);
}

}  // namespace modelrun::api
