// Makes outputs and artifacts of what the model left under /outputs.
//   NAME.json at the top             outputs[NAME]
//   .modelrun/result.json            {"result": {...}, "models": {MODEL: {...}}} of the harness: merged into outputs
//   .modelrun/models/MODEL/KEY.json  what a pipeline's model wrote as /outputs/KEY.json: outputs[MODEL][KEY]
//   .modelrun/error.json             {"reason", "message"} of the harness: the error
//   anything else                    an artifact
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/sandbox.h"
#include "sandbox/output_tree.h"

namespace modelrun::sandbox {

struct CollectLimits {
  std::size_t bytes = api::kMaxOutputBytes;  // outputs as canonical JSON, and then artifacts while there is room
  std::size_t artifacts = 200;
  // Digests of all artifacts together; a sparse file is as large as it says. Beyond it an artifact has no digest.
  std::uint64_t hashed_bytes = 256U << 20U;
  WalkLimits walk;
};

struct Collected {
  std::optional<nlohmann::json> outputs;  // absent: the model left none
  std::vector<api::Artifact> artifacts;
  // OutputsInvalid, OutputsTooLarge or EntryPointNotFound. What could be read stands in `outputs` all the same, except
  // when it is too large.
  std::optional<api::FrameError> error;
  std::string warning;
};

// Never fails and never hangs, whatever is there.
Collected collect_outputs(const std::string& root, const CollectLimits& limits);

// By the name's ending; application/octet-stream when unknown.
std::string media_type_of(std::string_view name);

}  // namespace modelrun::sandbox
