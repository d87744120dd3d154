// The agent's configuration. The operator passes it in environment variables (see api/sandbox.h for their names).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/sandbox.h"
#include "sandbox/run_server_client.h"

namespace modelrun::sandbox {

struct AgentConfig {
  RunServerAddress server;
  // Bytes kept of each output stream, half from its beginning and half from its end. At most 1 MiB.
  std::size_t stream_bytes = 256U << 10U;
  // Bytes of the outputs as JSON. At most 1 MiB.
  std::size_t output_bytes = api::kMaxOutputBytes;
  // Bytes of the artifacts together, compressed. At most api::kMaxArtifactBytes.
  std::size_t artifact_bytes = api::kDefaultArtifactBytes;
  // The name to listen at for `exec`, which is told it too and has its files from a volume. Empty: we listen at a name
  // of our own, and install the files.
  std::string socket{};
  // The pod was made for a run with points.
  bool points = false;
  // How long to wait for `exec` to connect, and then again for the source to arrive.
  std::chrono::seconds connect{600};
};

// Reads the configuration from `environment`, whose entries have the form NAME=value. Pure. Fails with kInvalid, and
// names the variable, when a required variable is missing or empty or when a number is malformed or too large. An
// absent number takes its default; an absent attempt is 1. The values of the run server's address are not checked
// here; see RunServerClient::create().
Result<AgentConfig> read_agent_config(const std::vector<std::string>& environment);

}  // namespace modelrun::sandbox
