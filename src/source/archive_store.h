// The archives on disk and which of them to let go. Files are named "<key>-<sha256 of the file>.tar.gz", so that one
// rename publishes an archive together with its digest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "source/archive.h"

namespace modelrun::source {

// Thread-safe. Keys are 64 hex digits.
class ArchiveStore {
 public:
  struct Limits {
    std::uint64_t max_bytes = 0;
    std::size_t max_archives = 0;
  };
  // Makes the directory, takes over complete archives and removes everything else in it.
  static Result<std::unique_ptr<ArchiveStore>> open(std::filesystem::path directory, Limits limits);

  // The archive, or null. One found on disk is checked against its digest first, and removed when it fails; two threads
  // must not ask for the same key at once.
  std::shared_ptr<const Archive> find(const std::string& key);

  // A path for a new file, on the store's file system and not seen by find().
  std::filesystem::path new_path();
  // Takes the file over and lets old ones go.
  Result<std::shared_ptr<const Archive>> add(const std::string& key, const std::filesystem::path& file, Tree tree,
                                             std::vector<std::string> warnings);

  struct Usage {
    std::uint64_t bytes = 0;
    std::size_t archives = 0;
    std::uint64_t evictions = 0;
  };
  [[nodiscard]] Usage usage() const;

 private:
  struct Entry {
    std::string key;
    std::filesystem::path path;
    std::string sha256;
    std::uint64_t bytes = 0;
    std::shared_ptr<const Archive> archive;  // null until the file was checked
  };
  using Entries = std::list<Entry>;  // most recently used first

  ArchiveStore(std::filesystem::path directory, Limits limits) : directory_(std::move(directory)), limits_(limits) {}
  Result<void> take_over();
  std::shared_ptr<const Archive> load(const Entry& entry) const;
  void insert(Entry entry);              // mutex_ held
  void remove(Entries::iterator entry);  // mutex_ held
  void evict();                          // mutex_ held

  const std::filesystem::path directory_;
  const Limits limits_;
  mutable std::mutex mutex_;
  Entries entries_;                                  // guarded by mutex_
  std::map<std::string, Entries::iterator> by_key_;  // guarded by mutex_
  std::uint64_t bytes_ = 0;                          // guarded by mutex_
  std::uint64_t evictions_ = 0;                      // guarded by mutex_
  std::uint64_t new_files_ = 0;                      // guarded by mutex_
};

}  // namespace modelrun::source
