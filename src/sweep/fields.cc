#include "sweep/fields.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/printable.h"
#include "sweep/decimal.h"
#include "sweep/space.h"

namespace modelrun::sweep {
namespace {

constexpr std::size_t kValueShown = 64;
constexpr std::size_t kPathShown = 512;

}  // namespace

std::unexpected<Error> bad_field(std::string_view path, std::string_view message) {
  return std::unexpected(
      Error{ErrorKind::kInvalid, fmt::format("{}: {}", printable(path, kPathShown), printable(message))});
}

std::unexpected<Error> wrong_type(std::string_view path, std::string_view wanted, std::string_view value) {
  return bad_field(path, fmt::format("must be {}, not {}", wanted, to_string(kind_of(value))));
}

Result<std::string> read_string(std::string_view path, std::string_view value) {
  if (kind_of(value) != JsonKind::kString) return wrong_type(path, "a text", value);
  return string_of(value);
}

Result<double> read_number(std::string_view path, std::string_view value) {
  if (kind_of(value) != JsonKind::kNumber) return wrong_type(path, "a number", value);
  if (value.size() > kMaxNumberText) {
    return bad_field(path, fmt::format("must have at most {} characters, not {}", kMaxNumberText, value.size()));
  }
  const double number = to_double(value);
  if (std::abs(number) > kMaxMagnitude) {
    return bad_field(path, fmt::format("must be from -1e300 to 1e300, not {}", value));
  }
  return number;
}

Result<std::uint64_t> read_whole(std::string_view path, std::string_view value, std::uint64_t least,
                                 std::uint64_t most) {
  const auto refuse = [&](std::string_view shown) {
    return bad_field(
        path, fmt::format("must be a whole number from {} to {}, not {}", least, most, printable(shown, kValueShown)));
  };
  if (kind_of(value) != JsonKind::kNumber) return refuse(to_string(kind_of(value)));
  const auto number = Decimal::parse(value);
  if (!number || number->places() > 0) return refuse(value);
  const double whole = to_double(value);
  if (whole < static_cast<double>(least) || whole > static_cast<double>(most)) return refuse(value);
  return static_cast<std::uint64_t>(whole);
}

Result<std::vector<std::string_view>> read_list(std::string_view path, std::string_view value, std::size_t most) {
  if (kind_of(value) != JsonKind::kArray) return wrong_type(path, "a list", value);
  auto elements = elements_of(value);
  if (elements.empty()) return bad_field(path, "must not be empty");
  if (elements.size() > most) {
    return fail(ErrorKind::kTooLarge, "{}: must have at most {} elements, not {}", printable(path, kPathShown), most,
                elements.size());
  }
  return elements;
}

Result<Fields> Fields::of(std::string path, std::string_view value) {
  if (kind_of(value) != JsonKind::kObject) return wrong_type(path, "an object", value);
  return Fields(std::move(path), members_of(value));
}

std::vector<JsonMember>::iterator Fields::look_for(std::string_view name) {
  if (std::ranges::find(asked_, name) == asked_.end()) asked_.emplace_back(name);
  return std::ranges::find(members_, name, &JsonMember::name);
}

bool Fields::has(std::string_view name) {
  const auto found = look_for(name);
  return found != members_.end() && kind_of(found->value) != JsonKind::kNull;
}

std::optional<std::string_view> Fields::take(std::string_view name) {
  const auto found = look_for(name);
  if (found == members_.end()) return std::nullopt;
  const auto value = found->value;
  members_.erase(found);
  return kind_of(value) == JsonKind::kNull ? std::nullopt : std::optional(value);
}

Result<std::string_view> Fields::need(std::string_view name) {
  const auto value = take(name);
  if (!value) return bad_field(path_of(name), "is missing");
  return *value;
}

Result<double> Fields::need_number(std::string_view name) {
  const auto value = need(name);
  RETURN_IF_ERROR(value);
  return read_number(path_of(name), *value);
}

Result<std::uint64_t> Fields::need_whole(std::string_view name, std::uint64_t least, std::uint64_t most) {
  const auto value = need(name);
  RETURN_IF_ERROR(value);
  return read_whole(path_of(name), *value, least, most);
}

Result<void> Fields::finish() const {
  if (members_.empty()) return {};
  return bad_field(path_of(printable(members_.front().name, kValueShown)),
                   fmt::format("there is no such field; there are: {}", fmt::join(asked_, ", ")));
}

}  // namespace modelrun::sweep
