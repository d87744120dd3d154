#include "sweep/exact_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/json_access.h"
#include "api/json_text.h"

namespace modelrun::sweep {
namespace {

using nlohmann::json;

// The index behind the string that begins at `at`.
std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

// The index behind the value that begins at `at`.
std::size_t skip_value(std::string_view text, std::size_t at) {
  if (at < text.size() && text[at] == '"') return skip_string(text, at);
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      continue;
    }
    const bool ends = c == '}' || c == ']';
    if (depth == 0 && (ends || c == ',')) return at;
    if (c == '{' || c == '[') ++depth;
    ++at;
    if (ends && --depth == 0) return at;
  }
  return at;
}

}  // namespace

JsonKind kind_of(std::string_view value) {
  switch (value.empty() ? 'n' : value.front()) {
    case 'n':
      return JsonKind::kNull;
    case 't':
    case 'f':
      return JsonKind::kBoolean;
    case '"':
      return JsonKind::kString;
    case '[':
      return JsonKind::kArray;
    case '{':
      return JsonKind::kObject;
    default:
      return JsonKind::kNumber;
  }
}

std::vector<JsonMember> members_of(std::string_view object) {
  std::vector<JsonMember> members;
  std::size_t at = 1;
  while (at < object.size() && object[at] == '"') {
    const std::size_t colon = skip_string(object, at);
    const std::size_t end = skip_value(object, colon + 1);
    members.push_back({string_of(object.substr(at, colon - at)), object.substr(colon + 1, end - colon - 1)});
    at = end + 1;
  }
  return members;
}

std::vector<std::string_view> elements_of(std::string_view array) {
  std::vector<std::string_view> elements;
  std::size_t at = 1;
  while (at + 1 < array.size()) {
    const std::size_t end = skip_value(array, at);
    elements.push_back(array.substr(at, end - at));
    at = end + 1;
  }
  return elements;
}

std::string string_of(std::string_view string) {
  if (string.find('\\') == std::string_view::npos) return std::string(string.substr(1, string.size() - 2));
  const auto value = json::parse(string, nullptr, /*allow_exceptions=*/false);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string json_string(std::string_view characters) {
  return api::json_text(json(characters));
}

std::string number_text(double value) {
  return api::canonical_json(json(value));
}

}  // namespace modelrun::sweep
