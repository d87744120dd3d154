// The request of the OpenTelemetry Protocol by which spans reach a collector, in its JSON encoding. Pure.
// Source: the OpenTelemetry Protocol specification 1.x, and trace/v1/trace.proto of opentelemetry-proto.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traces/span.h"

namespace modelrun::traces {

// Of what encode_span() returns.
inline constexpr std::size_t kMaxSpanBytes = std::size_t{8} << 10U;
inline constexpr std::size_t kMaxAttributes = 32;       // of one span; further ones are left out
inline constexpr std::size_t kMaxAttributeBytes = 256;  // of a text; a longer one is cut (base/printable.h)

// The JSON text of a span. An end before the begin, which clocks of two machines can give, becomes the begin. nullopt:
// it would have more than kMaxSpanBytes.
std::optional<std::string> encode_span(const Span& span);

// What the spans of one process have in common, service.name among it, as JSON text.
std::string encode_resource(const std::vector<Attribute>& attributes);

// The whole body of a request (ExportTraceServiceRequest). `spans` come from encode_span().
std::string encode_request(std::string_view resource, std::span<const std::string> spans);

// What the collector says about a request that it took (ExportTraceServiceResponse).
struct PartialSuccess {
  std::uint64_t rejected = 0;  // spans
  std::string message{};       // printable, at most 256 bytes
};
// A body that is none, or is empty, means that all spans were taken.
PartialSuccess decode_response(std::string_view body);
// Why the collector refused a request (google.rpc.Status); printable, at most 256 bytes. Empty: it does not say.
std::string decode_refusal(std::string_view body);

}  // namespace modelrun::traces
