// A directory that the model writes to and that has to be empty again before the next point of a run (api/points.h).
// What is in it is hostile: directories without permissions, trees thousands of levels deep, any number of entries,
// links.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/error.h"

namespace modelrun::sandbox {

// Not thread-safe.
class ScratchDirectory {
 public:
  // Notes the permissions of the directory `path`, before the model's code can have changed them. Returns nullopt if it
  // does not exist.
  static std::optional<ScratchDirectory> find(const std::string& path);

  // Removes everything in the directory, and gives the directory itself the permissions that it had. Follows no
  // symbolic link, and needs three descriptors and no recursion, however deep the tree is; the time is in proportion to
  // the number of entries. Fails with kInternal and a sentence that names the directory. REQUIRES: no process of the
  // model is left.
  Result<void> clear() const;

 private:
  ScratchDirectory(std::string path, mode_t mode) : path_(std::move(path)), mode_(mode) {}

  std::string path_;
  mode_t mode_;
};

}  // namespace modelrun::sandbox
