// Turns the files that the model left under /outputs into the outputs and artifacts of the result. The files are not
// trusted; see output_tree.h. By the path below /outputs:
//   NAME.json                        Its value becomes outputs[NAME].
//   .modelrun/result.json            Written by the harness: {"result": {...}, "models": {MODEL: {...}}}. The members
//                                    of both objects are merged into outputs.
//   .modelrun/models/MODEL/KEY.json  What a pipeline's model wrote as /outputs/KEY.json. Becomes outputs[MODEL][KEY].
//   .modelrun/error.json             Written by the harness: {"reason": ..., "message": ...}. It becomes the error.
//   any other file in .modelrun      Ignored.
//   any other file                   An artifact, named by its path.
// It is an error (OutputsInvalid) when two sources define the same output; the first one is kept. One exception:
// files of a pipeline's model replace a value outputs[MODEL] that is not an object.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/sandbox.h"
#include "sandbox/output_tree.h"

namespace modelrun::sandbox {

struct CollectLimits {
  // The size of the outputs as canonical JSON. What they leave is the room for the bytes of artifacts.
  std::size_t bytes = api::kMaxOutputBytes;
  // The number of artifacts that are listed.
  std::size_t artifacts = 200;
  // The total size of the artifacts that are read to compute digests. An artifact beyond it is listed without digest
  // and bytes. A sparse file counts with its apparent size, which can be far larger than what it occupies.
  std::uint64_t hashed_bytes = 256U << 20U;
  WalkLimits walk;
};

struct Collected {
  // A JSON object. Absent when the model left no outputs, and when the outputs together are too large.
  std::optional<nlohmann::json> outputs;
  std::vector<api::Artifact> artifacts;  // sorted by name
  // The first problem; its message counts the others. Its reason is OutputsInvalid, OutputsTooLarge or
  // EntryPointNotFound. `outputs` still holds what could be read.
  std::optional<api::FrameError> error;
  std::string warning;  // what was passed over or left out, for people; empty when nothing was
};

// Collects what is below the directory `root`. Does not fail and does not hang, whatever the directory contains:
// every problem is reported in `error` or in `warning`. Call it when the model's processes are dead; a file that
// changes while it is read is left out with a warning.
Collected collect_outputs(const std::string& root, const CollectLimits& limits);

// Returns the media type by the ending of `name`, case-sensitively; application/octet-stream for an unknown ending.
// Pure.
std::string media_type_of(std::string_view name);

}  // namespace modelrun::sandbox
