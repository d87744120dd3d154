// Spans, the parts of a distributed trace, and who takes them. Who makes spans needs no more than this header.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/trace_context.h"
#include "base/clock.h"

namespace modelrun::traces {

struct Attribute {
  std::string key;
  std::variant<std::string, std::int64_t> value;
};

// The numbers are those of OTLP (Span.SpanKind).
enum class SpanKind { kInternal = 1, kServer = 2 };

// Texts may come from outside: the encoder bounds them and makes them printable (otlp.h).
struct Span {
  api::TraceContext self;      // the trace and the flags, and the id of this span
  std::string parent;          // the id of the parent; empty: the first span of its trace
  bool remote_parent = false;  // another program made the parent
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  Time begin{}, end{};
  std::vector<Attribute> attributes{};
  bool error = false;
  std::string error_message{};
};

// Takes spans and brings them to a collector. Thread-safe.
class Tracer {
 public:
  virtual ~Tracer() = default;
  // Whether the spans of a trace that begins here are exported. The same for the same trace, always.
  [[nodiscard]] virtual bool samples(std::string_view trace_id) const = 0;
  // Takes a span. Does not block, and nothing waits for it: it is dropped and counted if there is no room for it.
  virtual void record(const Span& span) = 0;
};

// A trace that begins here. Its span id is that of the first span.
api::TraceContext new_trace(const Tracer& tracer);
std::string random_span_id();

// Ids that follow from an object, so that the same spans get the same ids whoever exports them.
std::string trace_id_of(std::string_view uid);
std::string span_id_of(std::string_view uid, std::string_view part);

// True for a share `ratio` (0 to 1) of all trace ids, as OpenTelemetry's programs decide it by the same ratio: the
// number in the last eight bytes of the id is halved and compared with ratio * 2^63. REQUIRES: `trace_id` is 32 hex
// digits.
bool in_ratio(std::string_view trace_id, double ratio);

}  // namespace modelrun::traces
