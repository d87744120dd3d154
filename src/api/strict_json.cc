#include "api/strict_json.h"

#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "api/json_access.h"
#include "api/strict_sax.h"
#include "api/text_builder.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

// Builds the value. The member limits.text_member of the document, if it is an object, becomes a string that holds its
// text.
class ValueSax final : public StrictSax {
 public:
  ValueSax(std::string_view text, const JsonLimits& limits) : StrictSax(text, limits) {}

  Result<json> take() {
    RETURN_IF_ERROR(outcome());
    return std::move(root_);
  }

 private:
  struct Level {
    json* node;       // points into root_; valid while it is the last child of its parent
    std::string key;  // the key that was read last, when node is an object
  };

  bool add(json scalar) override {
    if (in_text()) return builder_.scalar(json_text(scalar)), fits(builder_.size());
    if (at_text_member()) return refuse("must be an object");
    return put(std::move(scalar)) != nullptr;
  }

  bool open(bool array) override {
    if (in_text() || (at_text_member() && !array)) return builder_.open(array), fits(builder_.size());
    if (at_text_member()) return refuse("must be an object");
    json* made = put(array ? json::array() : json::object());
    if (made == nullptr) return false;
    levels_.push_back({made, {}});
    return true;
  }

  bool close() override {
    if (!in_text()) return levels_.pop_back(), true;
    if (!builder_.close()) return refuse("duplicate key");
    return in_text() || put(json(builder_.take())) != nullptr;
  }

  bool name(std::string& key) override {
    if (in_text()) return (builder_.key(key) || refuse("duplicate key")) && fits(builder_.size());
    levels_.back().key = key;
    if (levels_.back().node->contains(key)) return refuse("duplicate key");
    return true;
  }

  [[nodiscard]] std::size_t depth() const override { return levels_.size() + builder_.depth(); }

  [[nodiscard]] std::string path() const override {
    std::string out;
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const Level& level = levels_[i];
      // An array already contains its open child, but not the value that is being refused, which would come next.
      const std::size_t index = level.node->size() - (i + 1 < levels_.size() ? 1 : 0);
      out += level.node->is_array() ? "/" + std::to_string(index) : pointer_token(level.key);
    }
    return out + builder_.path();
  }

  [[nodiscard]] bool in_text() const { return builder_.depth() > 0; }
  [[nodiscard]] bool at_text_member() const {
    const auto member = limits().text_member;
    return !member.empty() && levels_.size() == 1 && levels_.back().node->is_object() && levels_.back().key == member;
  }

  json* put(json value) {
    if (++values_ > limits().max_values) return refuse("more than {} values", limits().max_values), nullptr;
    if (levels_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = levels_.back();
    if (level.node->is_array()) {
      level.node->push_back(std::move(value));
      return &level.node->back();
    }
    json& slot = (*level.node)[level.key];
    slot = std::move(value);
    return &slot;
  }

  json root_;
  std::vector<Level> levels_;
  TextBuilder builder_;  // of the text member, while it is open
  std::size_t values_ = 0;
};

// Formats a double as the API server does (Go's encoding/json): the shortest digits that parse to the same value, an
// exponent only below 1e-6 and from 1e21 on, and no ".0".
std::string canonical_double(double value) {
  if (value == 0) return "0";  // the API server returns -0 as the integer 0
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t mark = text.find('e');
  const bool negative = text.front() == '-';
  std::string digits;
  for (const char c : text.substr(0, mark)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  int exponent = 0;
  const std::string_view power = text.substr(mark + (text[mark + 1] == '+' ? 2 : 1));
  std::from_chars(power.data(), power.data() + power.size(), exponent);

  std::string out = negative ? "-" : "";
  if (exponent < -6 || exponent >= 21) {
    out += digits.substr(0, 1);
    if (digits.size() > 1) out += "." + digits.substr(1);
    return out + fmt::format("e{}{}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0');
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

void append_canonical(const json& value, std::string& out) {
  if (value.is_object()) {
    char separator = '{';
    for (const auto& [key, child] : value.items()) {
      out += separator;
      out += json_text(json(key));
      out += ':';
      append_canonical(child, out);
      separator = ',';
    }
    out += value.empty() ? "{}" : "}";
  } else if (value.is_array()) {
    char separator = '[';
    for (const json& child : value) {
      out += separator;
      append_canonical(child, out);
      separator = ',';
    }
    out += value.empty() ? "[]" : "]";
  } else if (value.is_number_float()) {
    out += canonical_double(value.get<double>());
  } else {
    out += json_text(value);
  }
}

}  // namespace

Result<json> parse_strict(std::string_view text, const JsonLimits& limits) {
  ValueSax sax(text, limits);
  RETURN_IF_ERROR(sax.run());
  return sax.take();
}

std::string canonical_json(const json& value) {
  std::string out;
  append_canonical(value, out);
  return out;
}

}  // namespace modelrun::api
