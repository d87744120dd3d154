// From a branch to a commit, by ls-remote.
//
// Errors, and the reason a ModelRun gets for them: kNotFound RefNotFound · kDenied SourceDenied · kInvalid InvalidSpec
// · kUnavailable, kTimeout SourceUnreachable · kCancelled none: the caller asked to stop. Messages have at most 300
// characters, no control characters, and none of the remote's credentials.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "source/address.h"
#include "source/remote.h"

namespace modelrun::source {

struct Resolved {
  std::string commit;  // 40 or 64 lower-case hex digits
  // The branch asked for; else the remote's default branch. Empty when only a commit was given, or when the remote's
  // HEAD names no branch.
  std::string branch;
};

struct ResolverOptions {
  Policy policy;
  // Scratch directory, made when missing; every command has a directory of its own below it, removed when it ends.
  std::filesystem::path scratch;
  // An answer, also a failed one, serves equal questions for this long after it came. 0 turns the cache off.
  std::chrono::milliseconds cache_ttl{5'000};
  Lookup lookup = system_lookup;
  // The hand of the cache's clock; tests hold it.
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

// Thread-safe. resolve() blocks up to Policy::resolve_timeout; equal questions that are asked at the same time share
// one ls-remote. Must outlive its calls.
class Resolver {
 public:
  explicit Resolver(ResolverOptions options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // A commit needs no remote: it is checked and returned (in lower case) with the branch given, if any. The URL is
  // checked against the policy all the same.
  Result<Resolved> resolve(const Remote& remote, const std::optional<std::string>& branch,
                           const std::optional<std::string>& commit, std::stop_token stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::source
