// Reads the output of `git ls-tree -r -t -z -l` in pieces, and applies the limits of the policy to each entry as it
// arrives.
//
// Usage:
//   TreeReader reader(policy);
//   reader.feed(piece);  // for each piece of the output
//   reader.finish();
//   Tree tree = std::move(reader.tree());
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "source/git/tree.h"
#include "source/remote.h"

namespace modelrun::source {

// Used by one thread at a time. After an error the reader must not be fed again. A submodule becomes an empty
// directory.
class TreeReader {
 public:
  // `policy` must outlive the reader.
  explicit TreeReader(const Policy& policy) : policy_(policy) {}

  // kTooLarge when a limit of the policy is exceeded; kDenied for a path that Tree::add() refuses or that is too long,
  // and for a symlink whose target is empty or longer than 1,024 bytes; kUnavailable when a blob is missing or the
  // output is not understood.
  Result<void> feed(std::string_view bytes);
  // Must be called after the last piece. kUnavailable when the output ended in the middle of an entry. The symlinks of
  // the tree have no targets yet.
  Result<void> finish() const;

  Tree& tree() { return tree_; }
  // The path of the first submodule; empty if there is none.
  [[nodiscard]] const std::string& submodule() const { return submodule_; }

 private:
  Result<void> add_line(std::string_view line);
  Result<void> add_blob(std::string_view mode, std::string_view id, std::string_view size, std::string_view path);

  const Policy& policy_;
  std::string rest_;
  Tree tree_;
  std::string submodule_;
  std::size_t directories_ = 0;
  std::uint64_t total_bytes_ = 0;  // of the files
  std::uint64_t path_bytes_ = 0;
};

}  // namespace modelrun::source
