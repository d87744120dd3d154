// What the controller asks of git: which commit a branch points to, and the archive of a commit.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "source/archive_cache.h"
#include "source/resolver.h"

namespace modelrun::controller {

// Thread-safe. Both functions block, for at most the time-outs of source::Policy, and end soon after `stop` is
// requested. Their errors are those of source::Resolver::resolve() and source::ArchiveCache::fetch().
class Git {
 public:
  using ArchivePtr = std::shared_ptr<const source::Archive>;

  virtual ~Git() = default;
  virtual Result<source::Resolved> resolve(const source::Remote& remote, const std::optional<std::string>& branch,
                                           const std::optional<std::string>& commit, std::stop_token stop) = 0;
  // Never returns null on success. The archive's file stays on disk as long as the pointer is held.
  virtual Result<ArchivePtr> fetch(const source::Remote& remote, const std::string& commit, std::stop_token stop) = 0;
  // The archive of a commit that was fetched before and is still there; else null. Asks no git server.
  virtual ArchivePtr find(const source::Remote& remote, const std::string& commit) = 0;
};

// Git with its caches. Keeps references to both arguments, which must outlive it.
class CachedGit final : public Git {
 public:
  CachedGit(source::Resolver& resolver, source::ArchiveCache& archives) : resolver_(resolver), archives_(archives) {}

  Result<source::Resolved> resolve(const source::Remote& remote, const std::optional<std::string>& branch,
                                   const std::optional<std::string>& commit, std::stop_token stop) override {
    return resolver_.resolve(remote, branch, commit, std::move(stop));
  }
  Result<ArchivePtr> fetch(const source::Remote& remote, const std::string& commit, std::stop_token stop) override {
    return archives_.fetch(remote, commit, std::move(stop));
  }
  ArchivePtr find(const source::Remote& remote, const std::string& commit) override {
    return archives_.find(remote, commit);
  }

 private:
  source::Resolver& resolver_;
  source::ArchiveCache& archives_;
};

}  // namespace modelrun::controller
