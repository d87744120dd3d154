// Wall-clock time as the API server writes it, behind an interface so that tests hold the hands of the clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace modelrun {

// UTC, microseconds since the Unix epoch.
using Time = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::microseconds;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
};

// RFC 3339 with microseconds and 'Z': 2026-04-28T10:00:01.420000Z (the format of metav1.MicroTime).
std::string format_rfc3339(Time time);

// RFC 3339 with any number of fractional digits and any offset; nothing when it is not one. Digits past the
// sixth are cut off.
std::optional<Time> parse_rfc3339(std::string_view text);

}  // namespace modelrun
