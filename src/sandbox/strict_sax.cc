#include "sandbox/strict_sax.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/printable.h"

namespace modelrun::sandbox {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTokenShown = 64;
constexpr std::size_t kMaxPointerShown = 512;
constexpr std::size_t kMaxReasonShown = 200;

// Returns `key` as one token of a JSON pointer (RFC 6901), shortened and made safe for a one-line message.
std::string pointer_token(std::string_view key) {
  std::string out = "/";
  for (const char c : printable(key, kMaxTokenShown)) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// Returns the library's description of the error, without the library's error id and position, which mean nothing to
// the author of a model.
std::string describe(std::size_t position, std::string_view what) {
  if (const std::size_t colon = what.find(": syntax error"); colon != std::string_view::npos) {
    what.remove_prefix(colon + 2);
  }
  return fmt::format("byte {}: {}", position, printable(what, kMaxReasonShown));
}

}  // namespace

Result<void> StrictSax::run() {
  try {
    if (json::sax_parse(text_.begin(), text_.end(), this)) return {};
    if (error_) return std::unexpected(*error_);
    return fail(ErrorKind::kInvalid, "not JSON");
  } catch (const std::exception& e) {
    return fail(ErrorKind::kInvalid, "not JSON: {}", printable(e.what(), kMaxReasonShown));
  }
}

bool StrictSax::number_unsigned(number_unsigned_t value) {
  if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
    return refuse("integer {} is outside the range of int64", std::to_string(value));
  }
  return add(static_cast<std::int64_t>(value));
}

bool StrictSax::number_float(number_float_t value, const string_t& literal) {
  // The lexer turns an integer literal that does not fit into 64 bits into a double.
  if (literal.find_first_of(".eE") == string_t::npos) {
    return refuse("integer {} is outside the range of int64", literal.substr(0, kMaxTokenShown));
  }
  if (!std::isfinite(value)) return refuse("number {} overflows a double", literal.substr(0, kMaxTokenShown));
  return add(value);
}

bool StrictSax::key(string_t& key) {
  // Longer than what is shown, so that the message can tell that it was shortened.
  levels_.back().key = key.substr(0, kMaxTokenShown * 2);
  return on_key(key);
}

bool StrictSax::parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& why) {
  if (error_) return false;
  if (why.id == 406) return refuse("number {} overflows a double", token.substr(0, kMaxTokenShown));
  const std::string_view what = why.what();
  const bool in_string = what.find("missing closing quote") != std::string_view::npos;
  if (!in_string && is_not_finite(position)) {
    return refuse("NaN and Infinity are not JSON; write null or a string instead");
  }
  return refuse("{}", describe(position, what));
}

bool StrictSax::refuse_as(ErrorKind kind, const std::string& why) {
  if (!error_) error_ = Error{kind, fmt::format("at {}: {}", pointer(), why)};
  return false;
}

bool StrictSax::add(json value) {
  if (!on_value(std::move(value))) return false;
  if (!levels_.empty()) ++levels_.back().count;
  return true;
}

bool StrictSax::open(bool array) {
  if (static_cast<int>(levels_.size()) >= max_depth_) return refuse("nested deeper than {} levels", max_depth_);
  if (!on_begin(array)) return false;
  levels_.push_back({array, 0, {}});
  return true;
}

bool StrictSax::close() {
  if (!on_end()) return false;
  levels_.pop_back();
  if (!levels_.empty()) ++levels_.back().count;
  return true;
}

// Returns the JSON pointer of the value that is being read.
std::string StrictSax::pointer() const {
  if (levels_.empty()) return "the top";
  std::string out;
  for (const Level& level : levels_) {
    if (out.size() >= kMaxPointerShown) break;
    // An object whose first key has not been read yet is named by what leads to it.
    if (level.array) {
      out += "/" + std::to_string(level.count);
    } else if (level.count > 0 || !level.key.empty()) {
      out += pointer_token(level.key);
    }
  }
  return printable(out, kMaxPointerShown);
}

bool StrictSax::is_not_finite(std::size_t position) const {
  // `position` is the number of characters read so far, thus one past the last of them.
  const std::size_t from = position > 12 ? position - 12 : 0;
  const std::string_view around = text_.substr(std::min(from, text_.size()), 24);
  const auto reads = [&](std::string_view word) {
    const std::size_t at = around.find(word);
    return at != std::string_view::npos && from + at <= position && position <= from + at + word.size() + 1;
  };
  return reads("NaN") || reads("Infinity") || reads("nan") || reads("inf");
}

}  // namespace modelrun::sandbox
