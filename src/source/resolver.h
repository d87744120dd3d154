// Finds the commit that a branch points to, and remembers the answer for a moment.
//
// Errors, and the reason that a ModelRun gets for each:
//   kNotFound               RefNotFound        no such repository, branch or commit
//   kDenied                 SourceDenied       the URL, the address or the credentials are refused
//   kInvalid                InvalidSpec        the branch or the commit is not well-formed
//   kTooLarge               SourceTooLarge     the remote lists too many refs, or git exceeds a limit
//   kUnavailable, kTimeout  SourceUnreachable  trying again may help
//   kCancelled              none               the caller asked to stop
// A failure of this machine, such as a full disk, is kUnavailable. A message has at most 300 bytes and no control
// characters, and does not contain the remote's credentials (see safe_message() in message.h).
//
// Usage:
//   Resolver resolver({.policy = policy, .fetcher = &client});
//   auto resolved = resolver.resolve(remote, "main", std::nullopt, stop);
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "source/fetcher.h"
#include "source/remote.h"

namespace modelrun::source {

struct ResolverOptions {
  Policy policy;
  Fetcher* fetcher = nullptr;  // not null; must outlive the resolver
  // For how long an answer is returned again for equal questions, counted from its arrival. Failures are remembered
  // too, except kCancelled. 0 turns the cache off.
  std::chrono::milliseconds cache_ttl{5'000};
  // The clock of the cache, which tests replace. It is called on any thread that calls resolve().
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

// Thread-safe. Must outlive the calls on it.
class Resolver {
 public:
  explicit Resolver(ResolverOptions options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Returns the commit that `branch` points to, which may be a tag or a whole ref too (Fetcher::resolve()); without a
  // branch, the one that the remote's HEAD points to. When `commit` is given, the remote is not asked: the commit's
  // form is checked, and it is returned in lower case without a branch. The URL is checked against the policy and the
  // branch for its form in every case.
  //
  // Blocks: one question takes up to Policy::resolve_timeout. Equal questions that are asked at the same time share
  // one question to the remote; a caller that waited for another one's starts its own when that one was stopped.
  Result<Resolved> resolve(const Remote& remote, const std::optional<std::string>& branch,
                           const std::optional<std::string>& commit, std::stop_token stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::source
