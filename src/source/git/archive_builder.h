// Fetches a commit from a remote and writes its tree as an archive file. Internal to source/git: callers use
// GitFetcher.
#pragma once

#include <stop_token>
#include <string>

#include "base/error.h"
#include "source/fetcher.h"
#include "source/git/session.h"
#include "source/remote.h"

namespace modelrun::source {

// Fetches `commit`, a full id in lower case, into the repository of `git`, and writes its tree and its listing to
// `files`. `git` must be a session in which no repository has been made yet. Blocks up to the session's deadline. Keeps
// no reference to its arguments. On an error the caller has to remove what exists of `files`. Errors: see
// archive_cache.h.
Result<void> build_archive(const GitSession& git, const std::string& commit, const Policy& policy,
                           const ArchiveFiles& files, const std::stop_token& stop);

}  // namespace modelrun::source
