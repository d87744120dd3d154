#include "traces/otlp.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/printable.h"

namespace modelrun::traces {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxNameBytes = 128;
// Bits of Span.flags beyond the eight of W3C: whether the parent is of another program is known, and it is so.
constexpr unsigned kHasIsRemote = 0x100;
constexpr unsigned kIsRemote = 0x200;
constexpr int kStatusError = 2;

// The JSON encoding has 64-bit integers as strings.
json value_of(const std::variant<std::string, std::int64_t>& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return {{"intValue", std::to_string(*number)}};
  return {{"stringValue", printable(std::get<std::string>(value), kMaxAttributeBytes)}};
}

json encode_attributes(const std::vector<Attribute>& attributes) {
  json encoded = json::array();
  for (const auto& attribute : attributes) {
    if (encoded.size() == kMaxAttributes) break;
    encoded.push_back({{"key", printable(attribute.key, kMaxNameBytes)}, {"value", value_of(attribute.value)}});
  }
  return encoded;
}

std::string nanoseconds(Time time) {
  // A node's clock may say anything, and a number that no collector takes would cost all spans of its request.
  constexpr auto kLatest = std::numeric_limits<std::int64_t>::max() / 1000;
  return std::to_string(std::clamp<std::int64_t>(time.time_since_epoch().count(), 0, kLatest) * 1000);
}

}  // namespace

std::optional<std::string> encode_span(const Span& span) {
  json encoded{{"traceId", span.self.trace_id},
               {"spanId", span.self.span_id},
               {"flags", span.self.flags | kHasIsRemote | (span.remote_parent ? kIsRemote : 0)},
               {"name", printable(span.name, kMaxNameBytes)},
               {"kind", static_cast<int>(span.kind)},
               {"startTimeUnixNano", nanoseconds(span.begin)},
               {"endTimeUnixNano", nanoseconds(std::max(span.begin, span.end))},
               {"attributes", encode_attributes(span.attributes)}};
  if (!span.parent.empty()) encoded["parentSpanId"] = span.parent;
  if (span.error) {
    encoded["status"] = {{"code", kStatusError}};
    if (!span.error_message.empty()) encoded["status"]["message"] = printable(span.error_message, kMaxAttributeBytes);
  }
  auto text = api::json_text(encoded);
  if (text.size() > kMaxSpanBytes) return std::nullopt;
  return text;
}

std::string encode_resource(const std::vector<Attribute>& attributes) {
  return api::json_text({{"attributes", encode_attributes(attributes)}});
}

std::string encode_request(std::string_view resource, std::span<const std::string> spans) {
  return fmt::format(
      R"({{"resourceSpans":[{{"resource":{},"scopeSpans":[{{"scope":{{"name":"modelrun","version":"{}"}},"spans":[{}]}}]}}]}})",
      resource, MODELRUN_VERSION, fmt::join(spans, ","));
}

std::string decode_refusal(std::string_view body) {
  const auto document = api::parse_strict(body);
  return document ? printable(api::text_at(*document, "message"), kMaxAttributeBytes) : std::string();
}

PartialSuccess decode_response(std::string_view body) {
  const auto document = api::parse_strict(body);
  if (!document) return {};
  const auto& partial = api::member(*document, "partialSuccess");
  PartialSuccess said;
  // An integer of 64 bits is a string in this encoding; some collectors send a number.
  const auto text = api::text_at(partial, "rejectedSpans");
  std::from_chars(text.data(), text.data() + text.size(), said.rejected);
  if (text.empty())
    said.rejected =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, api::int_at(partial, "rejectedSpans").value_or(0)));
  said.message = printable(api::text_at(partial, "errorMessage"), kMaxAttributeBytes);
  return said;
}

}  // namespace modelrun::traces
