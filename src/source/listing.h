// The list of the files in an archive. It lies beside the archive on disk and is read when a question comes, so that a
// commit takes no memory between the questions.
//
// A line of the list is the path of a file, or of a symlink that leads to one; or "<path>/ TAB <target>" for a symlink
// to a directory, where <target> is the path of that directory without a symlink in it. No path in an archive has a
// control character, so that lines and tabs are certain. Before these lines come those of the placeholders, and at the
// end the seal; they begin with a TAB.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::source {

// How many bytes a listing has at most; a commit with more is refused (kTooLarge).
inline constexpr std::size_t kMaxListingBytes = std::size_t{4} << 20U;

// What stands in a commit in place of content that is kept elsewhere and is not fetched. Paths of the commit, the first
// of each kind in the tree's order; empty if there is none.
struct Placeholders {
  std::string submodule;    // an empty directory
  std::string lfs_pointer;  // a file of Git LFS that names the real one by its digest
};

// The lines of a listing that say so, and back. A listing without such lines has no placeholders. read_placeholders()
// fails with own_failure() if the listing cannot be read.
std::string placeholder_lines(const Placeholders& placeholders);
Result<Placeholders> read_placeholders(const std::filesystem::path& listing);

// Whether the listing holds `path`, which is relative to the root of the tree ("model/revenue.py"), following symlinks
// to directories. Reads the file once, and once more for each symlink on the way. Fails with own_failure() if the
// listing cannot be read, which says nothing about the path.
Result<bool> listing_contains(const std::filesystem::path& listing, std::string_view path);

// Ends the listing with a line that binds it to its archive: a TAB and the digest of both. Fails with own_failure().
Result<void> seal_listing(const std::filesystem::path& listing, std::string_view archive_sha256);
// Whether the listing is as it was when it was sealed for this archive.
bool is_sealed(const std::filesystem::path& listing, std::string_view archive_sha256);

}  // namespace modelrun::source
