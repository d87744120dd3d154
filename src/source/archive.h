// The tree of one commit as a tar.gz file on disk, with an index of the names in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/tree.h"

namespace modelrun::source {

// Immutable and thread-safe. Made by ArchiveStore. The object does not own the file and never deletes it, but the
// store does not evict the file while anybody else holds a std::shared_ptr<const Archive> to it.
class Archive {
 public:
  Archive(std::filesystem::path path, std::string sha256, std::uint64_t bytes, Tree tree,
          std::vector<std::string> warnings)
      : path_(std::move(path)),
        sha256_(std::move(sha256)),
        bytes_(bytes),
        tree_(std::move(tree)),
        index_bytes_(tree_.memory_bytes()),
        warnings_(std::move(warnings)) {}

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const std::string& sha256() const { return sha256_; }     // of the file, lower-case hex
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }            // of the file
  [[nodiscard]] std::size_t index_bytes() const { return index_bytes_; }  // of memory, about; see Tree::memory_bytes()
  [[nodiscard]] std::size_t file_count() const { return tree_.file_count(); }
  // Sentences for people, e.g. that a submodule was left out. They are not stored: the list is empty for an archive
  // that was found on disk after a restart.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  // `path` is relative to the root of the tree ("model/revenue.py"). Both functions follow symlinks, and return false
  // for a path that is missing, leads out of the tree or ends in a loop. The empty path is the root.
  [[nodiscard]] bool contains_file(std::string_view path) const { return tree_.is_file(path); }
  [[nodiscard]] bool contains_dir(std::string_view path) const { return tree_.is_directory(path); }

 private:
  std::filesystem::path path_;
  std::string sha256_;
  std::uint64_t bytes_;
  Tree tree_;
  std::size_t index_bytes_;
  std::vector<std::string> warnings_;
};

}  // namespace modelrun::source
