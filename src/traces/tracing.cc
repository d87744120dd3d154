#include "traces/tracing.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "traces/otlp.h"

namespace modelrun::traces {
namespace {

constexpr std::string_view kTracesPath = "/v1/traces";
constexpr std::size_t kMaxPairs = kMaxAttributes - 3;  // of a list in an environment variable; three are our own

// "name=value,name=value", values percent-encoded, as the environment variables have them (the format of W3C Baggage,
// without properties).
Result<Headers> parse_pairs(const std::string& variable, std::string_view text) {
  Headers pairs;
  const auto wrong = [&] {
    return fail(ErrorKind::kInvalid,
                "{}: entry {} is not NAME=VALUE with the value percent-encoded, or is one too many", variable,
                pairs.size() + 1);
  };
  for (const auto part : split_at(text, ',')) {
    const auto entry = trimmed(part);
    if (entry.empty()) continue;
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos || pairs.size() == kMaxPairs) return wrong();
    auto name = percent_decoded(trimmed(entry.substr(0, equals)));
    auto value = percent_decoded(trimmed(entry.substr(equals + 1)));
    if (!name || name->empty() || !value) return wrong();
    pairs.emplace_back(std::move(*name), std::move(*value));
  }
  return pairs;
}

// Header fields as RFC 9110 has them, so that no value can add a line to the head of a request.
Result<Headers> parse_headers(const std::string& variable, const std::string& text) {
  auto headers = parse_pairs(variable, text);
  RETURN_IF_ERROR(headers);
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  const auto in_name = [&](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || kTokenMarks.find(static_cast<char>(c)) != std::string_view::npos);
  };
  const auto in_value = [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7F); };
  // The HTTP client sets these by itself. With another Host it would ask for another certificate.
  constexpr std::array<std::string_view, 5> kOfTheClient{"connection", "content-length", "content-type", "host",
                                                         "transfer-encoding"};
  for (const auto& [name, value] : *headers) {
    if (std::ranges::any_of(kOfTheClient, [&](auto own) { return equal_ignoring_case(own, name); })) {
      return fail(ErrorKind::kInvalid, "{}: {} cannot be set", variable, name);
    }
    if (std::ranges::all_of(name, in_name) && std::ranges::all_of(value, in_value)) continue;
    return fail(ErrorKind::kInvalid, "{}: a name or value has characters that no HTTP header may have", variable);
  }
  return headers;
}

// The variable for traces if it is set, else the one for all signals: name and value.
std::pair<std::string, std::string> variable(const Environment& environment, std::string_view word) {
  auto name = fmt::format("OTEL_EXPORTER_OTLP_TRACES_{}", word);
  if (auto value = environment(name.c_str()); !value.empty()) return {name, value};
  name = fmt::format("OTEL_EXPORTER_OTLP_{}", word);
  return {name, environment(name.c_str())};
}

std::string with_traces_path(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url.ends_with(kTracesPath) ? url : url + std::string(kTracesPath);
}

// Where the URL comes from, and the URL; empty: there is none.
std::pair<std::string, std::string> endpoint_of(const TraceFlags& flags, const Environment& environment) {
  if (!flags.endpoint.empty()) return {"--otlp-endpoint", with_traces_path(flags.endpoint)};
  auto [name, url] = variable(environment, "ENDPOINT");
  const bool whole = name.find("TRACES") != std::string::npos;
  return {name, url.empty() || whole ? url : with_traces_path(url)};
}

// Why the environment wants no traces of this kind; empty: it does not say so.
std::string switched_off(const Environment& environment) {
  if (const auto exporter = environment("OTEL_TRACES_EXPORTER"); !exporter.empty() && exporter != "otlp") {
    return "OTEL_TRACES_EXPORTER is not otlp, so there are no traces";
  }
  const auto [name, protocol] = variable(environment, "PROTOCOL");
  if (!protocol.empty() && !protocol.starts_with("http/")) {
    return fmt::format("{} is not http/json, and there is no other, so there are no traces", name);
  }
  return {};
}

void put(std::vector<Attribute>& resource, std::string name, std::string value) {
  const auto same = std::ranges::find(resource, name, &Attribute::key);
  if (same == resource.end()) {
    resource.push_back({std::move(name), std::move(value)});
  } else {
    same->value = std::move(value);
  }
}

Result<TraceSettings> read_all(const std::string& source, const std::string& url, const TraceFlags& flags,
                               const Environment& environment) {
  auto collector = parse_collector_url(url);
  if (!collector) return fail_in(source, collector.error());
  TraceSettings settings{.collector = std::move(*collector), .sample_ratio = flags.sample_ratio};
  const auto [headers_name, headers_text] = variable(environment, "HEADERS");
  auto headers = parse_headers(headers_name, headers_text);
  RETURN_IF_ERROR(headers);
  settings.collector.headers = std::move(*headers);
  const auto [ca_name, ca_file] = variable(environment, "CERTIFICATE");
  if (!ca_file.empty()) {
    auto pem = read_file(ca_file);
    if (!pem) return fail_in(ca_name, pem.error());
    settings.collector.ca_pem = std::move(*pem);
  }
  return settings;
}

}  // namespace

void add_trace_flags(CLI::App& app, TraceFlags& flags) {
  app.add_option(
      "--otlp-endpoint", flags.endpoint,
      "URL of an OpenTelemetry collector that takes OTLP over HTTP, such as http://collector:4318; spans go to "
      "its /v1/traces. Without it: OTEL_EXPORTER_OTLP_ENDPOINT; without both there are no traces");
  app.add_option("--trace-sample-ratio", flags.sample_ratio,
                 "share of the traces that begin here which are exported; of others their traceparent says so")
      ->check([](const std::string& text) {  // CLI::Range takes "nan"
        double ratio = 0;
        const bool fits = CLI::detail::lexical_cast(text, ratio) && ratio >= 0 && ratio <= 1;
        return fits ? std::string() : fmt::format("{} is not from 0 to 1", text);
      })
      ->capture_default_str();
}

std::string process_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Result<TraceChoice> read_settings(const TraceFlags& flags, const Environment& environment) {
  const auto [source, url] = endpoint_of(flags, environment);
  if (url.empty() || equal_ignoring_case(environment("OTEL_SDK_DISABLED"), "true")) return TraceChoice{};
  const bool by_flag = !flags.endpoint.empty();
  if (auto why = switched_off(environment); !by_flag && !why.empty()) return TraceChoice{.warning = std::move(why)};
  auto settings = read_all(source, url, flags, environment);
  if (!settings && by_flag) return std::unexpected(settings.error());
  if (!settings) return TraceChoice{.warning = settings.error().message + "; there are no traces"};
  TraceChoice choice{.settings = std::move(*settings)};
  const char* attributes_name = "OTEL_RESOURCE_ATTRIBUTES";
  auto attributes = parse_pairs(attributes_name, environment(attributes_name));
  if (!attributes) {
    choice.warning = attributes.error().message + "; the attributes are left out";
    return choice;
  }
  for (auto& [name, value] : *attributes) put(choice.settings->resource, std::move(name), std::move(value));
  return choice;
}

std::unique_ptr<Exporter> start_tracing(const TraceChoice& choice, const std::string& service,
                                        const std::string& instance, runtime::SteadyClock& clock,
                                        runtime::Metrics& metrics) {
  if (!choice.warning.empty()) log::warn("settings of traces are not used", {{"error", choice.warning}});
  if (!choice.settings) return nullptr;
  ExporterOptions options;
  options.sample_ratio = choice.settings->sample_ratio;
  options.resource = {
      {"service.name", service}, {"service.version", MODELRUN_VERSION}, {"service.instance.id", instance}};
  for (const auto& [key, value] : choice.settings->resource) put(options.resource, key, std::get<std::string>(value));
  const auto collector = std::make_shared<Collector>(choice.settings->collector);
  return std::make_unique<Exporter>(
      std::move(options),
      [collector](const std::string& body, const std::stop_token& stop) { return collector->post(body, stop); }, clock,
      metrics);
}

}  // namespace modelrun::traces
