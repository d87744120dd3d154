#include "cli/span.h"

#include <charconv>

namespace modelrun::cli {

Result<std::int64_t> parse_span(std::string_view text) {
  constexpr std::int64_t kMost = 365LL * 24 * 3600;
  const auto refused = [&] {
    return fail(ErrorKind::kInvalid, "'{}' is no time: write seconds (90) or 90s, 5m, 1h30m, up to a year", text);
  };
  std::string_view units = "hms";  // those that may still come
  std::string_view rest = text;
  std::int64_t seconds = 0;
  while (!rest.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{} || number < 0 || number > kMost) return refused();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty() && units.size() == 3) {
      seconds = number;  // a bare number is seconds
      break;
    }
    const auto unit = rest.empty() ? std::string_view::npos : units.find(rest.front());
    if (unit == std::string_view::npos) return refused();
    seconds += number * (units[unit] == 'h' ? 3600 : units[unit] == 'm' ? 60 : 1);
    units.remove_prefix(unit + 1);
    rest.remove_prefix(1);
  }
  if (seconds < 1 || seconds > kMost) return refused();
  return seconds;
}

}  // namespace modelrun::cli
