// Reads and writes members of JSON objects. The readers never throw: they return a default when the member is absent or
// of another type, and when `object` is not an object: "", false or nullopt. The writers leave `object` as it is when
// there is no value; it must be an object or null (which becomes an object), else they throw json::type_error. All
// functions are free of state.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace modelrun::api {

// Returns the member `name` of `object`, or a null value when there is none. The reference is valid as long as the
// member.
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

// The members of `object` that are strings.
inline std::map<std::string, std::string> texts_of(const nlohmann::json& object) {
  std::map<std::string, std::string> texts;
  if (!object.is_object()) return texts;
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) texts.emplace(name, value.get<std::string>());
  }
  return texts;
}

// An unsigned integer that exceeds int64 wraps around.
inline std::optional<std::int64_t> int_at(const nlohmann::json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

// The nearest value from `least` to `most`, for numbers that arithmetic is done with: people can write into an object
// what no operator would.
inline std::optional<std::int64_t> bounded_at(const nlohmann::json& object, std::string_view name, std::int64_t least,
                                              std::int64_t most) {
  const auto& number = member(object, name);
  if (number.is_number_unsigned() && std::cmp_greater(number.get<std::uint64_t>(), most)) return most;
  const auto value = int_at(object, name);
  return value ? std::optional(std::clamp(*value, least, most)) : std::nullopt;
}

// A string that is not an RFC 3339 time is nullopt, too.
inline std::optional<Time> time_at(const nlohmann::json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_string() ? parse_rfc3339(value.get_ref<const std::string&>()) : std::nullopt;
}

// The JSON text of `value`. Never throws: what is not UTF-8 is written as U+FFFD. `indent`: spaces a level, over
// several lines; -1: one line.
inline std::string json_text(const nlohmann::json& value, int indent = -1) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The writers set a member only if there is a value, so that an encoded object holds only what is known.
inline void put_text(nlohmann::json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}

inline void put_time(nlohmann::json& object, const char* name, const std::optional<Time>& value) {
  if (value) object[name] = format_rfc3339(*value);
}

}  // namespace modelrun::api
