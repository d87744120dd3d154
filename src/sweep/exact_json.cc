#include "sweep/exact_json.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/json_access.h"
#include "api/text_sax.h"

namespace modelrun::sweep {
namespace {

using nlohmann::json;

class ExactSax final : public api::TextSax {
 public:
  using TextSax::TextSax;

 private:
  bool add_float(double /*value*/, const std::string& literal) override { return put(literal); }
};

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

Result<std::string> exact_text(std::string_view text, const api::JsonLimits& limits) {
  ExactSax sax(text, limits);
  RETURN_IF_ERROR(sax.run());
  return sax.take();
}

std::string_view to_string(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBoolean:
      return "a boolean";
    case JsonKind::kNumber:
      return "a number";
    case JsonKind::kString:
      return "a text";
    case JsonKind::kArray:
      return "a list";
    case JsonKind::kObject:
      return "an object";
  }
  return "nothing";
}

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

double to_double(std::string_view number) {
  double value = 0;
  std::from_chars(number.data(), number.data() + number.size(), value);
  return value;  // what is too small for a binary64 leaves it 0
}

std::string json_string(std::string_view characters) {
  return api::json_text(json(characters));
}

void append_member(std::string& object, std::string_view name, std::string_view value) {
  if (object.size() > 1) object += ',';
  object += json_string(name);
  object += ':';
  object += value;
}

std::string number_text(double value) {
  return api::canonical_json(json(value));
}

}  // namespace modelrun::sweep
