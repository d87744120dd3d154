// The directory of archive files, and the choice of those to evict. Internal to source/: callers use ArchiveCache.
// An archive is named "<key>-<sha256 of the file>.tar.gz", so that one rename publishes an archive together with its
// digest. Its listing has the same name with the ending ".files".
//
// Usage:
//   if (auto found = store->find(key)) return found;
//   const auto files = store->new_files();  // then write the archive and its listing
//   return store->add(key, files, digest);
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/mutex.h"
#include "source/archive.h"

namespace modelrun::source {

// Thread-safe. Keys are 64 lower-case hex digits (cache_key.h). An archive that somebody holds is never evicted. Of an
// archive that nobody holds, its names and numbers are in memory and nothing else.
class ArchiveStore {
 public:
  struct Limits {
    std::uint64_t max_bytes = 0;  // of archives and listings
    std::size_t max_archives = 0;
  };
  // Creates the directory when it is missing, takes over the regular files that are named like archives and have a
  // listing, and removes everything else in it. Nobody else may use the directory. Fails with the error of the file
  // system.
  static Result<std::unique_ptr<ArchiveStore>> open(std::filesystem::path directory, Limits limits);

  // Returns the archive, or null when there is none. A file that was taken over by open() is read when it is first
  // asked for: it is checked against its digest, and its listing against its seal; both are removed when a check fails.
  std::shared_ptr<const Archive> find(const std::string& key);

  // Returns new paths in the store's directory, hence on its file system, for files that add() gets later. find() does
  // not see such files.
  ArchiveFiles new_files();
  // Seals the listing and renames `files`, replacing an older archive of the same key, and evicts old archives if a
  // limit is exceeded. On an error, which is own_failure(), `files` still belong to the caller.
  Result<std::shared_ptr<const Archive>> add(const std::string& key, const ArchiveFiles& files,
                                             const FileDigest& digest);

 private:
  struct Entry {
    std::string key;
    std::string sha256;
    std::uint64_t archive_bytes = 0;
    std::uint64_t listing_bytes = 0;
    bool checked = false;  // the file has been found to have the digest in its name
    std::weak_ptr<const Archive> holders;
  };
  using Entries = std::list<Entry>;  // the most recently used entry is the first

  ArchiveStore(std::filesystem::path directory, Limits limits) : directory_(std::move(directory)), limits_(limits) {}
  Result<void> take_over();
  [[nodiscard]] ArchiveFiles files_of(const std::string& key, const std::string& sha256) const;
  std::shared_ptr<const Archive> hand_out(Entry& entry) const;
  void insert(Entry entry) REQUIRES(mutex_);
  void remove(Entries::iterator entry) REQUIRES(mutex_);
  void evict() REQUIRES(mutex_);

  const std::filesystem::path directory_;
  const Limits limits_;
  Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);
  std::map<std::string, Entries::iterator> by_key_ GUARDED_BY(mutex_);
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t new_files_ GUARDED_BY(mutex_) = 0;
};

}  // namespace modelrun::source
