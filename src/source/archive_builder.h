// From a commit on a remote to an archive file.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "source/git.h"
#include "source/remote.h"
#include "source/tree.h"

namespace modelrun::source {

struct BuiltArchive {
  Tree tree;
  std::vector<std::string> warnings;
};

// Fetches `commit` (lower case) and writes its tree to the new file `target`. Blocks. On an error what is left of
// `target` is for the caller to remove. Errors as in archive_cache.h.
Result<BuiltArchive> build_archive(const GitSession& git, const std::string& commit, const Policy& policy,
                                   const std::filesystem::path& target, const std::stop_token& stop);

}  // namespace modelrun::source
