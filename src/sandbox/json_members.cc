#include "sandbox/json_members.h"

#include "api/json_access.h"

namespace modelrun::sandbox {
namespace {

using nlohmann::json;

// Returns the position behind the value, or the key, that begins at `from` of compact JSON.
std::size_t end_of_value(std::string_view text, std::size_t from) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = from; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      in_string = c != '"';
      if (in_string || depth > 0) continue;
      return at + 1;
    }
    if (depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']')) return at;
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
  }
  return text.size();
}

}  // namespace

std::vector<JsonMember> members_of(std::string_view compact) {
  std::vector<JsonMember> members;
  if (!compact.starts_with('{') || compact == "{}") return members;
  for (std::size_t at = 1; at < compact.size();) {
    const std::size_t key_end = end_of_value(compact, at);
    const std::size_t value_end = end_of_value(compact, key_end + 1);
    members.push_back({compact.substr(at, key_end - at), compact.substr(key_end + 1, value_end - key_end - 1)});
    at = value_end + 1;
  }
  return members;
}

std::string_view member_text(std::string_view compact, std::string_view key) {
  const std::string wanted = json_string(key);
  for (const JsonMember& member : members_of(compact)) {
    if (member.key == wanted) return member.value;
  }
  return {};
}

std::string json_string(std::string_view text) {
  return api::json_text(json(text));
}

std::string text_of_json_string(std::string_view json_value) {
  const json value = json::parse(json_value, nullptr, false);
  return value.is_string() ? value.get<std::string>() : std::string();
}

}  // namespace modelrun::sandbox
