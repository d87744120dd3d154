// Unpacks the source: a gzip-compressed tar, read with libarchive, written here. The operator has already refused what
// leaves the tree; this is the second ring: every path is resolved beneath the root without following a link.
#pragma once

#include <string>

#include "base/error.h"
#include "sandbox/https_client.h"

namespace modelrun::sandbox {

struct Extracted {
  std::string sha256;  // of all bytes that `body` gave
  std::uint64_t files = 0;
};

// Reads `body` to its end. `root` is an existing directory, best an empty one; what is in the way is replaced.
// kInvalid: damaged, or an entry that is refused; other kinds are the body's or the disk's.
Result<Extracted> extract_source(const BodyReader& body, const std::string& root);

// Removes everything below `root`, without following links.
Result<void> empty_directory(const std::string& root);

}  // namespace modelrun::sandbox
