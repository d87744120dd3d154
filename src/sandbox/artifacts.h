// The files under /outputs that are not outputs: their list, their digests, and the contents of as many as possible.
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
  std::size_t bytes = api::kDefaultArtifactBytes;              // of all contents that are kept, compressed
  std::size_t contents = api::kMaxArtifactContents;            // of one artifact that is kept, not compressed
  std::uint64_t all_contents = 4 * api::kMaxArtifactContents;  // of all that are kept, not compressed
};

struct CollectedArtifacts {
  std::vector<api::Artifact> list;  // in the order of the files
  // Names the first artifacts that were not kept whole, with the cause and what to do; printable, at most 1000 bytes,
  // empty when all were kept.
  std::string loss;
};

// Reads `files`, whose order is that of their names. The first limits.count of them are listed. The smallest are read
// first, and of what is read the smallest by its compressed size is kept first, so that as many as possible are kept;
// of two of one size it is the first by name. Contents that gzip does not make smaller are kept as they are. Needs
// about limits.bytes and two times limits.contents of memory, whatever the files hold.
CollectedArtifacts collect_artifacts(const OutputTree& tree, const std::vector<OutputFile>& files,
                                     const ArtifactLimits& limits);

// Returns the media type by the ending of `name`, case-sensitively; application/octet-stream for an unknown ending.
// Pure.
std::string media_type_of(std::string_view name);

}  // namespace modelrun::sandbox
