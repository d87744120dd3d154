// The place of a request in a distributed trace, as programs hand it on (W3C Trace Context). Pure.
// Source: https://www.w3.org/TR/trace-context/
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace modelrun::api {

// On ModelRuns and ModelSweeps: the traceparent under which a run's spans belong. Whoever creates the object may write
// it: it tells, and proves nothing.
inline constexpr std::string_view kAnnotationTraceparent = "modelrun.dev/traceparent";

struct TraceContext {
  std::string trace_id;  // 32 lower-case hex digits, not all 0
  std::string span_id;   // 16 lower-case hex digits, not all 0: the parent of what is done next
  // Bit 0: sampled. The other bits are 0, because a program must not hand on bits whose meaning it does not know.
  std::uint8_t flags = 0;
  [[nodiscard]] bool sampled() const { return (flags & 1U) != 0; }
  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// Parses "00-TRACE_ID-SPAN_ID-FLAGS", and of a later version what it has in common with this one. nullopt for every
// other text.
std::optional<TraceContext> parse_traceparent(std::string_view text);
// REQUIRES: the members are as they are described above.
std::string format_traceparent(const TraceContext& context);

}  // namespace modelrun::api
