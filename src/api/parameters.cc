#include "api/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "api/strict_json.h"
#include "api/text_builder.h"
#include "base/encoding.h"
#include "base/large_document.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

// Whether the shortest digits of `value` are as many as only a number that was rounded has.
bool is_rounded(double value) {
  constexpr double kBeyond = 0x1p63;
  if (!std::isfinite(value) || std::abs(value) < kBeyond) return false;
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string_view shortest(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  return std::ranges::count_if(shortest.substr(0, shortest.find('e')), [](char c) { return c >= '0' && c <= '9'; }) >
         15;
}

// Whether `text` is a number that no double holds.
bool is_overflow(const std::string& text) {
  constexpr std::size_t kLongest = 64;
  if (text.empty() || text.size() > kLongest || text.find_first_not_of("0123456789+-.eE") != std::string::npos) {
    return false;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc::result_out_of_range && end == text.data() + text.size();
}

// What is wrong with a value that is no object or array; empty if nothing is.
std::string alteration(const json& value) {
  const bool beyond =
      value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max();
  if (beyond || value.is_number_float()) {
    if (!is_rounded(value.get<double>())) return {};
    return fmt::format("has {}, which was rounded before it came here", canonical_json(value));
  }
  if (!value.is_string() || !is_overflow(value.get_ref<const std::string&>())) return {};
  return fmt::format("is the text \"{}\", as no number can be so large or so small",
                     value.get_ref<const std::string&>());
}

struct Altered {
  std::string path;  // JSON pointer
  std::string what;
};

std::optional<Altered> first_altered(const json& value) {
  if (!value.is_structured()) {
    auto what = alteration(value);
    return what.empty() ? std::nullopt : std::optional(Altered{{}, std::move(what)});
  }
  for (const auto& [key, child] : value.items()) {
    if (auto found = first_altered(child)) {
      found->path.insert(0, pointer_token(key));
      return found;
    }
  }
  return std::nullopt;
}

std::string altered_text(const json& value) {
  constexpr std::size_t kPathShown = 128;
  const auto found = first_altered(value);
  return found ? fmt::format("{} {}", utf8_front(found->path, kPathShown), found->what) : std::string();
}

}  // namespace

Parameters::Parameters(const nlohmann::json& value) : value_(value), size_(value_->size()) {}

std::string Parameters::altered() const {
  if (!value_) return altered_;
  const LargeDocument turn(value_->size());
  return altered_text(value_->parse());
}

std::string Parameters::digest() const {
  return value_ ? "sha256:" + sha256_hex(canonical_json(*value_)) : digest_;
}

const std::string& Parameters::text() const {
  assert(value_);
  return value_->text();
}

nlohmann::json Parameters::parse() const {
  assert(value_);
  return value_->parse();
}

void Parameters::drop_text() {
  digest_ = digest();
  altered_ = altered();
  value_.reset();
}

bool operator==(const Parameters& a, const Parameters& b) {
  if (a.value_ && b.value_ && *a.value_ == *b.value_) return true;
  return a.digest() == b.digest();
}

}  // namespace modelrun::api
