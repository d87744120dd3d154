#include "sandbox/json_text.h"

#include <algorithm>
#include <cstdint>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "sandbox/strict_sax.h"

namespace modelrun::sandbox {
namespace {

using nlohmann::json;

// Writes the values that the parser accepts, and checks each object's keys at its end.
class Compactor final : public StrictSax {
 public:
  Compactor(std::string_view text, const CompactLimits& limits)
      : StrictSax(text, limits.max_depth), max_bytes_(limits.max_bytes) {}

  std::string take() { return std::move(out_); }

 private:
  struct KeyAt {
    std::uint32_t from;
    std::uint32_t size;
  };

  bool on_value(json&& value) override {
    separate();
    out_ += api::canonical_json(value);
    return within_limit();
  }

  bool on_begin(bool array) override {
    separate();
    out_ += array ? '[' : '{';
    opened_.push_back({array, keys_.size()});
    return within_limit();
  }

  bool on_end() override {
    const auto [array, first_key] = opened_.back();
    if (!array && !keys_differ(first_key)) return false;
    keys_.resize(first_key);
    opened_.pop_back();
    out_ += array ? ']' : '}';
    return within_limit();
  }

  bool on_key(std::string& key) override {
    if (position() > 0) out_ += ',';
    const std::size_t from = out_.size();
    out_ += json_string(key);
    keys_.push_back({static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(out_.size() - from)});
    out_ += ':';
    return within_limit();
  }

  void separate() {
    if (in_array() && position() > 0) out_ += ',';
  }

  bool within_limit() {
    if (out_.size() <= max_bytes_) return true;
    return refuse_as(ErrorKind::kTooLarge, fmt::format("more than {} bytes as JSON", max_bytes_));
  }

  bool keys_differ(std::size_t first) {
    const auto text = [this](const KeyAt& key) { return std::string_view(out_).substr(key.from, key.size); };
    const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first);
    std::ranges::sort(begin, keys_.end(), {}, text);
    const auto twice = std::ranges::adjacent_find(begin, keys_.end(), {}, text);
    if (twice == keys_.end()) return true;
    name_key(text_of_json_string(text(*twice)));
    return refuse("duplicate key");
  }

  struct Opened {
    bool array;
    std::size_t first_key;  // index into keys_
  };

  std::size_t max_bytes_;
  std::string out_;
  std::vector<KeyAt> keys_;  // of the objects that are open, the innermost one last
  std::vector<Opened> opened_;
};

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

Result<std::string> compact_json(std::string_view text, const CompactLimits& limits) {
  Compactor compactor(text, limits);
  RETURN_IF_ERROR(compactor.run());
  return compactor.take();
}

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
