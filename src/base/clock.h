// Wall-clock time, and its text form in the API server's JSON. The clock is an interface, so that tests can set the
// time (tests/fakes/manual_clock.h). For intervals and deadlines use runtime/steady_clock.h.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace modelrun {

// A point in time in UTC, in microseconds since the Unix epoch.
using Time = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::microseconds;

// Implementations are thread-safe, and now() does not block.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
};

// The system's real-time clock. It can jump when an administrator or NTP sets it.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
};

// Returns the time in the format of metav1.MicroTime: RFC 3339 in UTC with exactly six fractional digits, for example
// 2026-04-28T10:00:01.420000Z.
std::string format_rfc3339(Time time);

// Parses an RFC 3339 date and time with any number of fractional digits (those after the sixth are cut off) and any
// offset from UTC. The separators may be in lower case, and a space may stand for the 'T' (RFC 3339 section 5.6). A
// leap second (:60) becomes the first second of the next minute. Returns nullopt for any other text.
std::optional<Time> parse_rfc3339(std::string_view text);

}  // namespace modelrun
