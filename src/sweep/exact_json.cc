#include "sweep/exact_json.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "api/json_access.h"
#include "api/json_text.h"
#include "api/text_builder.h"

namespace modelrun::sweep {
namespace {

using nlohmann::json;

// Writes a text that is known to be valid anew. The parser hands a number that is no 64-bit integer over with its
// literal.
class ExactSax final : public nlohmann::json_sax<json> {
 public:
  std::string take() { return builder_.take(); }

  bool null() override { return add("null"); }
  bool boolean(bool value) override { return add(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return add(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(std::to_string(value)); }
  bool number_float(number_float_t /*value*/, const string_t& literal) override { return add(literal); }
  bool string(string_t& value) override { return add(json_string(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return builder_.open(false), true; }
  bool start_array(std::size_t /*size*/) override { return builder_.open(true), true; }
  bool key(string_t& key) override { return builder_.key(key); }
  bool end_object() override { return builder_.close(); }
  bool end_array() override { return builder_.close(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*why*/) override {
    return false;
  }

 private:
  bool add(std::string_view scalar) { return builder_.scalar(scalar), true; }

  api::TextBuilder builder_;
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
  RETURN_IF_ERROR(api::compact_strict(text, limits));
  ExactSax sax;
  if (!json::sax_parse(text.begin(), text.end(), &sax)) return fail(ErrorKind::kInternal, "not JSON");
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

double to_double(std::string_view number) {
  double value = 0;
  std::from_chars(number.data(), number.data() + number.size(), value);
  return value;  // what is too small for a double leaves it 0
}

}  // namespace modelrun::sweep
