// Reads the output of `git ls-tree -r -t -z -l` in pieces, holding it to the policy's limits while it comes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/remote.h"
#include "source/tree.h"

namespace modelrun::source {

class TreeReader {
 public:
  explicit TreeReader(const Policy& policy) : policy_(policy) {}

  // kTooLarge, kDenied (a path that is refused), kUnavailable (an object is missing, or not understood).
  Result<void> feed(std::string_view bytes);
  // Call after the last piece. The tree's symlinks have no targets yet.
  Result<void> finish() const;

  Tree& tree() { return tree_; }
  std::vector<std::string>& warnings() { return warnings_; }

 private:
  Result<void> add_line(std::string_view line);
  Result<void> add_blob(std::string_view mode, std::string_view id, std::string_view size, std::string_view path);

  const Policy& policy_;
  std::string rest_;
  Tree tree_;
  std::size_t directories_ = 0;
  std::uint64_t total_bytes_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace modelrun::source
