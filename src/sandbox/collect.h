// Turns the files that the model left under /outputs into the outputs and artifacts of the result. The files are not
// trusted; see output_tree.h. By the path below /outputs:
//   NAME.json                        Its value becomes outputs[NAME].
//   .modelrun/result.json            Written by the harness: {"result": {...}, "models": {MODEL: {...}}}. The members
//                                    of both objects are merged into outputs.
//   .modelrun/models/MODEL/KEY.json  What a pipeline's model wrote as /outputs/KEY.json. Becomes outputs[MODEL][KEY].
//   .modelrun/error.json             Written by the harness: {"reason": ..., "message": ...}. It becomes the error, or,
//                                    with the reason NonZeroExit, the failure.
//   .modelrun/warning.json           Written by the harness: {"message": ...}. It becomes a part of the warning.
//   any other file in .modelrun      Ignored.
//   any other file                   An artifact, named by its path.
// It is an error (OutputsInvalid) when two sources define the same output, or when outputs[MODEL] is both a plain value
// and what a pipeline's model left; the first one is kept.
//
// Whatever the directory holds, this needs a fixed amount of memory: the listing, the files that define outputs (their
// sizes are added up before any is read), the outputs and the artifacts are bounded, and values are kept as text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/sandbox.h"
#include "sandbox/artifacts.h"
#include "sandbox/merge_outputs.h"
#include "sandbox/output_tree.h"

namespace modelrun::sandbox {

struct CollectLimits {
  OutputLimits outputs;
  ArtifactLimits artifacts;
  WalkLimits walk;
};

struct Collected {
  // A JSON object, compact, members sorted (api::JsonText). Absent when the model left no outputs, and when they are
  // too large.
  std::optional<std::string> outputs;
  std::vector<api::Artifact> artifacts;  // sorted by name
  std::string artifact_loss;             // as in api::ResultFrame
  // The first problem; its message counts the others, is printable and has at most 1000 bytes. Its reason is
  // OutputsInvalid, OutputsTooLarge or EntryPointNotFound. `outputs` still holds what could be read.
  std::optional<api::FrameError> error;
  // The line with which the program says why it failed (an exception of Python), as the harness left it; printable, at
  // most 1000 bytes, empty when there is none. It means something only when the program has failed.
  std::string failure;
  std::string warning;  // what was passed over or left out, for people; printable, empty when nothing was
};

// Collects what is below the directory `root`. Does not fail and does not hang, whatever the directory contains:
// every problem is reported in `error` or in `warning`. Call it when the model's processes are dead; a file that
// changes while it is read is left out with a warning.
Collected collect_outputs(const std::string& root, const CollectLimits& limits);

}  // namespace modelrun::sandbox
