// How a program is told where its spans go, and the parts that bring them there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"
#include "traces/collector.h"
#include "traces/exporter.h"
#include "traces/span.h"

namespace CLI {
class App;
}

namespace modelrun::traces {

struct TraceFlags {
  std::string endpoint{};   // URL of a collector, to which /v1/traces is added; empty: see read_settings()
  double sample_ratio = 1;  // of the traces that begin in this process, 0 to 1
};

// Adds --otlp-endpoint and --trace-sample-ratio. `flags` must live until the command line has been parsed.
void add_trace_flags(CLI::App& app, TraceFlags& flags);

struct TraceSettings {
  CollectorAddress collector;
  double sample_ratio = 1;
  std::vector<Attribute> resource{};  // of OTEL_RESOURCE_ATTRIBUTES, no key twice
};

struct TraceChoice {
  std::optional<TraceSettings> settings{};  // nullopt: there is no tracing
  std::string warning{};                    // what of the environment is not used, and why; empty: nothing
};

// The value of an environment variable; "" when it is not set.
using Environment = std::function<std::string(const char* name)>;
std::string process_environment(const char* name);

// Where spans go by `flags` and by the standard environment variables: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (a whole URL)
// and OTEL_EXPORTER_OTLP_ENDPOINT (to which /v1/traces is added), if there is no flag; and _HEADERS and _CERTIFICATE (a
// PEM file), each with TRACES or without; OTEL_RESOURCE_ATTRIBUTES. OTEL_SDK_DISABLED=true switches traces off, as do
// OTEL_TRACES_EXPORTER and _PROTOCOL if they ask for another way than this one and no flag names an endpoint.
//
// kInvalid: with the flag, one of them cannot be used; the message says which. Without the flag that is a warning, and
// there is no tracing: a variable that a platform sets for all programs must not keep this one from its work. A
// resource that cannot be read is left out. Values of headers, and users in URLs, are secrets and are in no message.
Result<TraceChoice> read_settings(const TraceFlags& flags, const Environment& environment);

// Starts to export the spans of a program: `service` is service.name and `instance` service.instance.id, unless the
// resource says otherwise. Logs the warning. Null without settings.
std::unique_ptr<Exporter> start_tracing(const TraceChoice& choice, const std::string& service,
                                        const std::string& instance, runtime::SteadyClock& clock,
                                        runtime::Metrics& metrics);

}  // namespace modelrun::traces
