// Unpacks the source, a gzip-compressed tar. libarchive reads it and this file writes the entries to disk. The
// operator has already refused a tree with paths that leave it. This is the second line of defence: every path is
// resolved beneath the root directory without following a symbolic link.
#pragma once

#include <string>

#include "base/error.h"
#include "sandbox/https_client.h"

namespace modelrun::sandbox {

struct Extracted {
  std::string sha256;       // lower-case hex, of all bytes that `body` gave
  std::uint64_t files = 0;  // entries written: files, directories and symbolic links
};

// Reads `body` to its end and unpacks it below `root`, which must be an existing directory and should be empty. A
// file or symbolic link with the name of a new file or link is replaced; other collisions fail. Files get mode 0755
// when the archive marks them executable and 0644 otherwise, directories 0755, all subject to the umask. The digest
// is for the caller to compare. After a failure `root` holds what was unpacked so far.
//
// An error of `body` is returned as it is. Otherwise fails with kInvalid when the archive is damaged or an entry is
// refused (an absolute path, "..", a hard link, a special file). A system call that fails gives the kind of
// errno_error(), and kInternal when the disk has no room: the operator has checked the size of the source, so that is
// the node's trouble, and another attempt may find room.
Result<Extracted> extract_source(const BodyReader& body, const std::string& root);

// Removes everything in the directory `root`, but not `root` itself. Does not follow symbolic links. Fails with
// kInternal.
Result<void> empty_directory(const std::string& root);

}  // namespace modelrun::sandbox
