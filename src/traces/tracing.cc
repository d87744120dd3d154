#include "traces/tracing.h"

#include <CLI/CLI.hpp>

#include <cstdlib>

#include "base/file.h"

namespace modelrun::traces {
namespace {

constexpr std::string_view kTracesPath = "/v1/traces";
constexpr std::size_t kMaxPairs = 32;  // of a list in an environment variable

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// nullopt for a '%' without two hex digits behind it.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto* digits = text.data() + i + 1;
    if (std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

// "name=value,name=value", values percent-encoded, as the environment variables have them (the format of W3C Baggage,
// without properties).
Result<Headers> parse_pairs(const std::string& variable, std::string_view text) {
  Headers pairs;
  const auto wrong = [&] {
    return fail(ErrorKind::kInvalid,
                "{}: entry {} is not NAME=VALUE with the value percent-encoded, or is one too many", variable,
                pairs.size() + 1);
  };
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto entry = trimmed(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
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
  for (const auto& [name, value] : *headers) {
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

}  // namespace

void add_trace_flags(CLI::App& app, TraceFlags& flags) {
  app.add_option(
      "--otlp-endpoint", flags.endpoint,
      "URL of an OpenTelemetry collector that takes OTLP over HTTP, such as http://collector:4318; spans go to "
      "its /v1/traces. Without it: OTEL_EXPORTER_OTLP_ENDPOINT; without both there are no traces");
  app.add_option("--trace-sample-ratio", flags.sample_ratio,
                 "share of the traces that begin here which are exported; of others their traceparent says so")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

std::string process_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Result<std::optional<TraceSettings>> read_settings(const TraceFlags& flags, const Environment& environment) {
  const auto [source, url] = endpoint_of(flags, environment);
  if (url.empty()) return std::optional<TraceSettings>{};
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
  const char* attributes_name = "OTEL_RESOURCE_ATTRIBUTES";
  auto attributes = parse_pairs(attributes_name, environment(attributes_name));
  RETURN_IF_ERROR(attributes);
  for (auto& [name, value] : *attributes) settings.resource.push_back({std::move(name), std::move(value)});
  return std::optional(std::move(settings));
}

std::unique_ptr<Exporter> start_tracing(const std::optional<TraceSettings>& settings, const std::string& service,
                                        const std::string& instance, runtime::SteadyClock& clock,
                                        runtime::Metrics& metrics) {
  if (!settings) return nullptr;
  ExporterOptions options;
  options.sample_ratio = settings->sample_ratio;
  options.resource = {
      {"service.name", service}, {"service.version", MODELRUN_VERSION}, {"service.instance.id", instance}};
  options.resource.insert(options.resource.end(), settings->resource.begin(), settings->resource.end());
  const auto collector = std::make_shared<Collector>(settings->collector);
  return std::make_unique<Exporter>(
      std::move(options),
      [collector](const std::string& body, const std::stop_token& stop) { return collector->post(body, stop); }, clock,
      metrics);
}

}  // namespace modelrun::traces
