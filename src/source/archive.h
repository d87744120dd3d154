// The tree of one commit as a tar.gz file on disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "source/fetcher.h"
#include "source/listing.h"

namespace modelrun::source {

// Immutable and thread-safe. Made by ArchiveStore. The object does not own the files and never deletes them, but the
// store does not evict them while anybody holds a std::shared_ptr<const Archive> to them.
class Archive {
 public:
  Archive(ArchiveFiles files, FileDigest digest) : files_(std::move(files)), digest_(std::move(digest)) {}
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  virtual ~Archive() = default;

  [[nodiscard]] const std::filesystem::path& path() const { return files_.archive; }
  [[nodiscard]] const std::string& sha256() const { return digest_.sha256; }  // of the file, lower-case hex
  [[nodiscard]] std::uint64_t bytes() const { return digest_.bytes; }         // of the file

  // `path` is relative to the root of the tree ("model/revenue.py"). Follows symlinks, and returns false for a path
  // that is missing, leads out of the tree or ends in a loop. Reads a file of at most kMaxListingBytes, and fails with
  // own_failure() if it cannot be read.
  [[nodiscard]] virtual Result<bool> contains_file(std::string_view path) const {
    return listing_contains(files_.listing, path);
  }

  // Reads the beginning of the same file, and fails likewise.
  [[nodiscard]] virtual Result<Placeholders> placeholders() const { return read_placeholders(files_.listing); }

 private:
  ArchiveFiles files_;
  FileDigest digest_;
};

}  // namespace modelrun::source
