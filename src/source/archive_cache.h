// Keeps commits as archive files on disk. A commit is fetched once and its archive serves any number of pods.
//
// Errors: as in resolver.h, and kTooLarge when the commit exceeds a limit of Policy (the run then gets the reason
// SourceTooLarge).
//
// An archive is a gzip-compressed tar of the commit's tree. The entries are sorted by path; their modification time
// and owner are 0, and their modes are 0644 or 0755. Symlinks are kept; each of them stays inside the tree. A
// submodule is an empty directory. The bytes of a file are those of the git object: nothing is checked out, so no
// filter, LFS, line-ending, ident or export attribute changes them. Equal trees give archives of equal bytes.
//
// Usage:
//   auto cache = ArchiveCache::open({.policy = policy, .directory = "/var/cache/archives", .fetcher = &client});
//   auto archive = (*cache)->fetch(remote, resolved.commit, stop);  // commit: from Resolver::resolve()
//   serve((*archive)->path());  // while the pointer is held the file is not evicted
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "source/archive.h"
#include "source/fetcher.h"
#include "source/remote.h"

namespace modelrun::source {

struct ArchiveCacheOptions {
  Policy policy;
  // Created when it is missing. Only one process, and one ArchiveCache in it, may use the directory at a time. open()
  // keeps the archives that an earlier process left in it and removes everything else, such as unfinished work.
  std::filesystem::path directory;
  Fetcher* fetcher = nullptr;  // not null; must outlive the cache
  // Limits for the archives kept, with their listings. Only archives that somebody holds can exceed them.
  std::uint64_t max_bytes = std::uint64_t{2} << 30U;
  std::size_t max_archives = 4'096;
};

// Thread-safe. An archive is found again for the same URL, cache identity, certificate authority, credentials and
// commit (cache_key.h). When a limit is exceeded, archives that nobody holds are evicted, least recently used first.
// The archives handed out may outlive the cache, and so do their files. The cache must outlive the calls on it.
class ArchiveCache {
 public:
  using ArchivePtr = std::shared_ptr<const Archive>;
  // Takes over the archives that an earlier process left. The digest of such a file is checked when it is first asked
  // for, not here. Fails with the error of the file system, e.g. kDenied or kInternal.
  static Result<std::unique_ptr<ArchiveCache>> open(ArchiveCacheOptions options);
  ~ArchiveCache();
  ArchiveCache(const ArchiveCache&) = delete;
  ArchiveCache& operator=(const ArchiveCache&) = delete;

  // Returns the archive of `commit`, a full id in either case; never null on success. Equal requests at the same time
  // share one fetch. Blocks: one fetch takes up to Policy::fetch_timeout, and a caller that waited for another one's
  // fetch starts its own when that one was stopped. kCancelled when `stop` is requested meanwhile.
  Result<ArchivePtr> fetch(const Remote& remote, const std::string& commit, std::stop_token stop);

  // The archive of `commit` if it is on disk; null if it is not, or if it is being fetched. Asks nobody.
  ArchivePtr find(const Remote& remote, const std::string& commit);

 private:
  struct Impl;
  explicit ArchiveCache(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::source
