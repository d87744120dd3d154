#include "api/strict_sax.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "base/encoding.h"
#include "base/printable.h"

namespace modelrun::api {
namespace {

constexpr std::size_t kMaxLiteralShown = 64;
constexpr std::size_t kMaxPathShown = 512;  // in bytes, so that the reason behind it is not cut off

// Returns the library's description of the error, without the library's error id and position, which mean nothing to
// the author of a model.
std::string describe(std::size_t position, std::string_view what) {
  std::string_view reason = what;
  if (const std::size_t colon = reason.find(": syntax error"); colon != std::string_view::npos) {
    reason.remove_prefix(colon + 2);
  }
  return fmt::format("byte {}: {}", position, reason.substr(0, 200));
}

}  // namespace

Result<void> StrictSax::run() {
  try {
    const bool whole = Json::sax_parse(text_.begin(), text_.end(), static_cast<nlohmann::json_sax<Json>*>(this));
    // The parser takes a zero byte between two values for the end of the text, whatever follows.
    const auto zero = text_.find('\0');
    if (whole && zero != std::string_view::npos)
      note(ErrorKind::kInvalid, fmt::format("byte {}: a zero byte", zero + 1));
    if (whole && zero == std::string_view::npos) return {};
    RETURN_IF_ERROR(outcome());
    return fail(ErrorKind::kInvalid, "not JSON");
  } catch (const std::exception& e) {
    return fail(ErrorKind::kInvalid, "not JSON: {}", e.what());
  }
}

void StrictSax::note(ErrorKind kind, const std::string& reason) {
  const std::string place = path();
  const auto shown = place.empty() ? std::string_view("the top") : utf8_front(place, kMaxPathShown);
  error_ = Error{kind, printable(fmt::format("at {}: {}", shown, reason))};
}

bool StrictSax::number_unsigned(number_unsigned_t value) {
  if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
    return refuse("integer {} is outside the range of int64", std::to_string(value));
  }
  return add(Json(static_cast<std::int64_t>(value)));
}

bool StrictSax::number_float(number_float_t value, const string_t& literal) {
  // The lexer turns an integer literal that does not fit into 64 bits into a double.
  if (literal.find_first_of(".eE") == string_t::npos) {
    return refuse("integer {} is outside the range of int64", literal.substr(0, kMaxLiteralShown));
  }
  if (!std::isfinite(value)) return refuse("number {} {}", literal.substr(0, kMaxLiteralShown), kOverflows);
  return add_float(value, literal);
}

bool StrictSax::open_bounded(bool array) {
  if (static_cast<int>(depth()) >= limits_.max_depth) return refuse("nested deeper than {} levels", limits_.max_depth);
  return open(array);
}

bool StrictSax::parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& why) {
  if (error_) return false;
  if (why.id == 406) return refuse("number {} {}", token.substr(0, kMaxLiteralShown), kOverflows);
  const bool in_string = std::string_view(why.what()).find("missing closing quote") != std::string_view::npos;
  if (!in_string && is_not_finite(position)) {
    return refuse("NaN and Infinity are not JSON; write null or a string instead");
  }
  return refuse("{}", describe(position, why.what()));
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

}  // namespace modelrun::api
