// Commits as archives on disk: fetched once, served to any number of pods.
//
// Errors as in resolver.h, and kTooLarge for SourceTooLarge.
//
// What is in an archive: a gzip-compressed tar of the commit's tree, sorted by path, modification time and owner 0,
// modes 0644 and 0755, symlinks that stay in the tree, an empty directory for a submodule. Bytes are those of the git
// objects: no checkout, so no filter, LFS, line-ending, ident or export attribute acts on them. Equal trees give equal
// archives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "source/address.h"
#include "source/archive.h"
#include "source/remote.h"

namespace modelrun::source {

struct ArchiveCacheOptions {
  Policy policy;
  // Made when missing. One process at a time: what other processes left in it is taken over (archives) or removed
  // (unfinished work).
  std::filesystem::path directory;
  std::uint64_t max_bytes = std::uint64_t{2} << 30U;  // of the archives kept; exceeded only by archives in use
  std::size_t max_archives = 4'096;
  Lookup lookup = system_lookup;
};

// Thread-safe. Keyed by URL, Remote::cache_identity and commit. The archives handed out outlive the cache; their files
// do too, since only an archive that nobody holds is evicted, least recently used first.
class ArchiveCache {
 public:
  // Takes over the archives an earlier process left; their digests are checked when they are first asked for.
  static Result<std::unique_ptr<ArchiveCache>> open(ArchiveCacheOptions options);
  ~ArchiveCache();
  ArchiveCache(const ArchiveCache&) = delete;
  ArchiveCache& operator=(const ArchiveCache&) = delete;

  // Blocks up to Policy::fetch_timeout; equal requests at the same time share one fetch. `commit` is a full id.
  Result<std::shared_ptr<const Archive>> fetch(const Remote& remote, const std::string& commit, std::stop_token stop);

  struct Stats {
    std::uint64_t bytes = 0;
    std::size_t archives = 0;
    std::uint64_t hits = 0;
    std::uint64_t fetches = 0;
    std::uint64_t evictions = 0;
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Impl;
  explicit ArchiveCache(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::source
