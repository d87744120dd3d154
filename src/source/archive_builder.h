// Fetches a commit from a remote and writes its tree as an archive file. Internal to source/: callers use
// ArchiveCache.
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

// Fetches `commit`, a full id in lower case, into the repository of `git`, and writes its tree to the file `target`.
// `git` must be a session in which no repository has been made yet. Blocks up to the session's deadline. Keeps no
// reference to its arguments. On an error the caller has to remove what exists of `target`. Errors: see
// archive_cache.h.
Result<BuiltArchive> build_archive(const GitSession& git, const std::string& commit, const Policy& policy,
                                   const std::filesystem::path& target, const std::stop_token& stop);

}  // namespace modelrun::source
