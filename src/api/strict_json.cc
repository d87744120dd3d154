#include "api/strict_json.h"
#include "api/json_access.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace modelrun::api {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTokenShown = 64;
constexpr std::size_t kMaxPointerShown = 512;

// Returns `key` as one token of a JSON pointer (RFC 6901), shortened and made safe for a one-line message.
std::string pointer_token(std::string_view key) {
  std::string out = "/";
  for (const char c : key.substr(0, kMaxTokenShown)) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    }
  }
  if (key.size() > kMaxTokenShown) out += "...";
  return out;
}

// Builds the document and stops at the first value that is refused. Like nlohmann's SAX parser, it keeps a stack of
// its own instead of recursing, so that text of any depth is safe.
class Builder final : public nlohmann::json_sax<json> {
 public:
  Builder(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  bool null() override { return add(json(nullptr)) != nullptr; }
  bool boolean(bool value) override { return add(json(value)) != nullptr; }
  bool number_integer(number_integer_t value) override { return add(json(value)) != nullptr; }

  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      return refuse("integer {} is outside the range of int64", std::to_string(value));
    }
    return add(json(static_cast<std::int64_t>(value))) != nullptr;
  }

  bool number_float(number_float_t value, const string_t& literal) override {
    // The lexer turns an integer literal that does not fit into 64 bits into a double.
    if (literal.find_first_of(".eE") == string_t::npos) {
      return refuse("integer {} is outside the range of int64", literal.substr(0, kMaxTokenShown));
    }
    if (!std::isfinite(value)) return refuse("number {} overflows a double", literal.substr(0, kMaxTokenShown));
    return add(json(value)) != nullptr;
  }

  bool string(string_t& value) override { return add(json(std::move(value))) != nullptr; }
  bool binary(binary_t& /*value*/) override { return refuse("binary value"); }

  bool start_object(std::size_t /*size*/) override { return open(json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& key) override {
    levels_.back().key = key;
    if (levels_.back().node->contains(key)) return refuse("duplicate key");
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& why) override {
    if (error_) return false;
    if (why.id == 406) return refuse("number {} overflows a double", token.substr(0, kMaxTokenShown));
    const bool in_string = std::string_view(why.what()).find("missing closing quote") != std::string_view::npos;
    if (!in_string && is_not_finite(position)) {
      return refuse("NaN and Infinity are not JSON; write null or a string instead");
    }
    return refuse("{}", describe(position, why.what()));
  }

  Result<json> take() {
    if (error_) return std::unexpected(std::move(*error_));
    return std::move(root_);
  }

 private:
  struct Level {
    json* node;       // points into root_; valid while it is the last child of its parent
    std::string key;  // the key that was read last, when node is an object
  };

  template <class... Args>
  bool refuse(fmt::format_string<Args...> format, Args&&... args) {
    if (!error_) {
      error_ = Error{ErrorKind::kInvalid,
                     fmt::format("at {}: {}", pointer(), fmt::format(format, std::forward<Args>(args)...))};
    }
    return false;
  }

  json* add(json value) {
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

  bool open(json container) {
    if (static_cast<int>(levels_.size()) >= limits_.max_depth) {
      return refuse("nested deeper than {} levels", limits_.max_depth);
    }
    levels_.push_back({add(std::move(container)), {}});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return true;
  }

  // Returns the JSON pointer of the value that is being read.
  [[nodiscard]] std::string pointer() const {
    if (levels_.empty()) return "the top";
    std::string out;
    for (std::size_t i = 0; i < levels_.size() && out.size() < kMaxPointerShown; ++i) {
      const Level& level = levels_[i];
      // An array already contains its open child, but not the value that is being refused, which would come next.
      const std::size_t index = level.node->size() - (i + 1 < levels_.size() ? 1 : 0);
      out += level.node->is_array() ? "/" + std::to_string(index) : pointer_token(level.key);
    }
    if (out.size() > kMaxPointerShown) out.resize(kMaxPointerShown);
    return out;
  }

  [[nodiscard]] bool is_not_finite(std::size_t position) const {
    // `position` is the number of characters read so far, thus one past the last of them.
    const std::size_t from = position > 12 ? position - 12 : 0;
    const std::string_view around = text_.substr(std::min(from, text_.size()), 24);
    const auto reads = [&](std::string_view word) {
      const std::size_t at = around.find(word);
      return at != std::string_view::npos && from + at <= position && position <= from + at + word.size() + 1;
    };
    return reads("NaN") || reads("Infinity") || reads("nan") || reads("inf");
  }

  // Returns the library's description of the error, without the library's error id and position, which mean nothing
  // to the author of a model.
  [[nodiscard]] static std::string describe(std::size_t position, std::string_view what) {
    std::string_view reason = what;
    if (const std::size_t colon = reason.find(": syntax error"); colon != std::string_view::npos) {
      reason.remove_prefix(colon + 2);
    }
    std::string out = fmt::format("byte {}: ", position);
    for (const char c : reason.substr(0, 200)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    return out;
  }

  std::string_view text_;
  const JsonLimits& limits_;
  json root_;
  std::vector<Level> levels_;
  std::optional<Error> error_;
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
  Builder builder(text, limits);
  try {
    if (json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
    RETURN_IF_ERROR(builder.take());
    return fail(ErrorKind::kInvalid, "not JSON");
  } catch (const std::exception& e) {
    return fail(ErrorKind::kInvalid, "not JSON: {}", e.what());
  }
}

std::string canonical_json(const json& value) {
  std::string out;
  append_canonical(value, out);
  return out;
}

}  // namespace modelrun::api
