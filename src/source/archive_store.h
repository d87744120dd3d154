// The directory of archive files, and the choice of those to evict. Internal to source/: callers use ArchiveCache.
// A file is named "<key>-<sha256 of the file>.tar.gz", so that one rename publishes an archive together with its
// digest.
//
// Usage:
//   if (auto found = store->find(key)) return found;
//   const auto file = store->new_path();  // then write the archive to `file`
//   return store->add(key, file, tree, warnings);
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "source/archive.h"

namespace modelrun::source {

// Thread-safe. Keys are 64 lower-case hex digits (cache_key.h). An archive that somebody holds is never evicted.
class ArchiveStore {
 public:
  struct Limits {
    std::uint64_t max_bytes = 0;
    std::size_t max_archives = 0;
    // Of memory, for the indexes of archives that nobody holds. The file of an archive whose index was dropped stays;
    // the index is read again when the archive is asked for.
    std::size_t max_index_bytes = 0;
  };
  // Creates the directory when it is missing, takes over the regular files that are named like archives, and removes
  // everything else in it. Nobody else may use the directory. Fails with the error of the file system.
  static Result<std::unique_ptr<ArchiveStore>> open(std::filesystem::path directory, Limits limits);

  // Returns the archive, or null when there is none. A file that was taken over by open() is read when it is first
  // asked for: it is checked against its digest, and is removed when the check fails. Two threads must not ask for the
  // same key at the same time.
  std::shared_ptr<const Archive> find(const std::string& key);

  // Returns a new path in the store's directory, hence on its file system, for a file that add() gets later. find()
  // does not see such a file.
  std::filesystem::path new_path();
  // Renames `file`, replacing an older archive of the same key, and evicts old archives if a limit is exceeded. On an
  // error, which is that of the file system, `file` still belongs to the caller.
  Result<std::shared_ptr<const Archive>> add(const std::string& key, const std::filesystem::path& file, Tree tree,
                                             std::vector<std::string> warnings);

  struct Usage {
    std::uint64_t bytes = 0;  // of all archive files
    std::size_t archives = 0;
    std::uint64_t evictions = 0;  // since open()
    std::size_t index_bytes = 0;  // of memory: of the indexes that the store keeps
  };
  [[nodiscard]] Usage usage() const;

 private:
  struct Entry {
    std::string key;
    std::filesystem::path path;
    std::string sha256;
    std::uint64_t bytes = 0;
    std::shared_ptr<const Archive> archive;  // null until the file was checked, and after its index was dropped
  };
  using Entries = std::list<Entry>;  // the most recently used entry is the first

  ArchiveStore(std::filesystem::path directory, Limits limits) : directory_(std::move(directory)), limits_(limits) {}
  Result<void> take_over();
  std::shared_ptr<const Archive> load(const Entry& entry) const;
  void insert(Entry entry) REQUIRES(mutex_);
  void remove(Entries::iterator entry) REQUIRES(mutex_);
  void evict() REQUIRES(mutex_);
  void keep_index(Entry& entry, std::shared_ptr<const Archive> archive) REQUIRES(mutex_);
  void drop_indexes() REQUIRES(mutex_);

  const std::filesystem::path directory_;
  const Limits limits_;
  mutable Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);
  std::map<std::string, Entries::iterator> by_key_ GUARDED_BY(mutex_);
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
  std::size_t index_bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t evictions_ GUARDED_BY(mutex_) = 0;
  std::uint64_t new_files_ GUARDED_BY(mutex_) = 0;
};

}  // namespace modelrun::source
