// What is asked of git: which commit a branch points to, and the tree of a commit as an archive file. What a git server
// answers is parsed by git and by source/git only, which is not part of the operator: the operator asks by Client
// (client.h), which passes the request to the program modelrun-source.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "source/files.h"
#include "source/remote.h"

namespace modelrun::source {

struct Resolved {
  std::string commit;  // 40 or 64 lower-case hex digits
  // The branch that was asked for, else the remote's default branch; the whole ref, such as refs/tags/v1, when it is
  // none of a branch. Empty when a commit was given, which is looked for on no branch, or when the remote's HEAD names
  // no branch.
  std::string branch;
};

// The files that fetch() makes.
struct ArchiveFiles {
  std::filesystem::path archive;  // the tree as tar.gz; archive_cache.h describes it
  std::filesystem::path listing;  // which files it holds; see listing.h
};

// Thread-safe. Both functions block, for at most the time-outs of Policy, and end soon after `stop` is requested. Their
// errors are those of resolver.h and archive_cache.h.
class Fetcher {
 public:
  virtual ~Fetcher() = default;
  // Asks the remote which commit `branch` points to, or its HEAD without one. If there is no branch of that name, a
  // tag of that name is taken, and a name that begins with refs/ may be a whole ref. The URL and the branch have been
  // checked.
  virtual Result<Resolved> resolve(const Remote& remote, const std::optional<std::string>& branch,
                                   const std::stop_token& stop) = 0;
  // Fetches `commit`, a full id in lower case, and writes `files`. Returns digest and size of the archive. After an
  // error the caller has to remove what exists of the files.
  virtual Result<FileDigest> fetch(const Remote& remote, const std::string& commit, const ArchiveFiles& files,
                                   const std::stop_token& stop) = 0;
};

}  // namespace modelrun::source
