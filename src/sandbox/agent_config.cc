#include "sandbox/agent_config.h"

#include <charconv>

#include "api/points.h"
#include "api/standby.h"
#include "sandbox/environment.h"

namespace modelrun::sandbox {
namespace {

Result<std::string> required(const std::vector<std::string>& environment, const char* name) {
  const auto value = find_variable(environment, name);
  if (!value || value->empty()) return fail(ErrorKind::kInvalid, "{} is not set", name);
  return std::string(*value);
}

template <class T>
Result<T> number(const std::vector<std::string>& environment, const char* name, T absent, T least, T most) {
  const auto text = find_variable(environment, name);
  if (!text) return absent;
  T value{};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < least || value > most) {
    return fail(ErrorKind::kInvalid, "{}='{}' is not a number from {} to {}", name, *text, least, most);
  }
  return value;
}

}  // namespace

Result<AgentConfig> read_agent_config(const std::vector<std::string>& environment) {
  AgentConfig config;
  struct Text {
    const char* name;
    std::string* into;
  };
  config.socket = find_variable(environment, api::kEnvAgentSocket).value_or("");
  config.server.standby = find_variable(environment, api::kEnvStandby).value_or("");
  std::vector<Text> texts = {{api::kEnvRunServer, &config.server.endpoint},
                             {api::kEnvRunServerName, &config.server.name},
                             {api::kEnvRunServerCa, &config.server.ca_pem},
                             {api::kEnvNamespace, &config.server.run_namespace}};
  if (config.server.standby.empty()) {
    texts.push_back({api::kEnvRunName, &config.server.run_name});
    texts.push_back({api::kEnvRunId, &config.server.run_uid});
  }
  for (const Text& each : texts) {
    auto value = required(environment, each.name);
    RETURN_IF_ERROR(value);
    *each.into = *std::move(value);
  }
  // The ranges of streams and outputs are those of ModelProject.spec.limits; the agent's memory is counted with them.
  const auto attempt = number<int>(environment, api::kEnvAttempt, 1, 0, 1'000'000);
  const auto streams = number<std::size_t>(environment, api::kEnvStdoutBytes, config.stream_bytes, 0, 1U << 20U);
  const auto outputs = number<std::size_t>(environment, api::kEnvOutputBytes, config.output_bytes, 1, 1U << 20U);
  const auto artifacts =
      number<std::size_t>(environment, api::kEnvArtifactBytes, config.artifact_bytes, 0, api::kMaxArtifactBytes);
  const auto connect = number<int>(environment, api::kEnvConnectSeconds, 600, 1, 1'000'000);
  RETURN_IF_ERROR(attempt);
  RETURN_IF_ERROR(streams);
  RETURN_IF_ERROR(outputs);
  RETURN_IF_ERROR(artifacts);
  RETURN_IF_ERROR(connect);
  config.points = find_variable(environment, api::kEnvPoints) == "1";
  config.connect = std::chrono::seconds(*connect);
  config.server.attempt = *attempt;
  config.stream_bytes = *streams;
  config.output_bytes = *outputs;
  config.artifact_bytes = *artifacts;
  return config;
}

}  // namespace modelrun::sandbox
