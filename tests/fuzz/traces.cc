// What clients say about their traces, what a collector answers, and how a program is told where its collector is.
#include "api/trace_context.h"
#include "fuzz/fuzz.h"
#include "traces/collector.h"
#include "traces/otlp.h"
#include "traces/tracing.h"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelrun;
  const auto text = fuzz::text_of(data, size);
  if (const auto trace = api::parse_traceparent(text)) {
    const auto written = api::format_traceparent(*trace);
    fuzz::expect(written.size() == 55 && api::parse_traceparent(written) == trace, "a traceparent is a fixed point");
    fuzz::expect(trace->trace_id.find_first_not_of("0123456789abcdef") == std::string::npos && trace->flags <= 1,
                 "a traceparent has hex digits and known flags");
  }
  const auto said = traces::decode_response(text);
  fuzz::expect(fuzz::is_printable(said.message) && said.message.size() <= traces::kMaxAttributeBytes,
               "what a collector says is bounded and printable");
  const auto refusal = traces::decode_refusal(text);
  fuzz::expect(fuzz::is_printable(refusal) && refusal.size() <= traces::kMaxAttributeBytes,
               "why a collector refuses is bounded and printable");

  const auto in_head = [](std::string_view part) {
    return std::ranges::none_of(part, [](unsigned char c) { return c == '\r' || c == '\n' || c == 0; });
  };
  if (const auto address = traces::parse_collector_url(std::string(text))) {
    fuzz::expect(in_head(address->host) && in_head(address->path) && !address->host.empty() && address->port != 0,
                 "a URL adds nothing to the head of a request");
  }
  for (const auto* variable : {"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_RESOURCE_ATTRIBUTES"}) {
    const auto choice = traces::read_settings({.endpoint = "http://collector:4318"}, [&](std::string_view name) {
      return name == variable ? std::string(text) : std::string();
    });
    if (!choice) continue;
    fuzz::expect(choice->settings.has_value(), "an endpoint is used");
    for (const auto& [name, value] : choice->settings->collector.headers) {
      fuzz::expect(in_head(name) && in_head(value), "no header adds a line to the head of a request");
    }
    fuzz::expect(choice->settings->resource.size() <= traces::kMaxAttributes, "a resource is bounded");
  }
  return 0;
}
