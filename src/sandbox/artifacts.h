// The files under /outputs that are not outputs: their list, their digests, and their bytes while there is room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/sandbox.h"
#include "sandbox/output_tree.h"

namespace modelrun::sandbox {

struct ArtifactLimits {
  std::size_t count = api::kMaxArtifacts;  // that are listed
  // The total size of the artifacts that are read to compute digests. An artifact beyond it is listed without digest
  // and bytes. A sparse file counts with its apparent size, which can be far larger than what it occupies.
  std::uint64_t hashed_bytes = 256U << 20U;
};

// Returns the artifacts of `files`, in their order, with their bytes as long as these are at most `room` together. What
// is left out, and a file that changes while it is read, is a warning.
std::vector<api::Artifact> collect_artifacts(const OutputTree& tree, const std::vector<OutputFile>& files,
                                             const ArtifactLimits& limits, std::size_t room, Warnings& warnings);

// Returns the media type by the ending of `name`, case-sensitively; application/octet-stream for an unknown ending.
// Pure.
std::string media_type_of(std::string_view name);

}  // namespace modelrun::sandbox
