// The agent's environment, read once.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/sandbox.h"
#include "sandbox/run_server.h"

namespace modelrun::sandbox {

struct AgentConfig {
  RunServerAddress server;
  std::size_t stream_bytes = 256U << 10U;  // kept of each stream, half from each end
  std::size_t output_bytes = api::kMaxOutputBytes;
  std::chrono::seconds connect{600};  // until `exec` must have connected and the source be here
};

// Names the variable that is missing or wrong. Pure.
Result<AgentConfig> read_agent_config(const std::vector<std::string>& environment);

}  // namespace modelrun::sandbox
