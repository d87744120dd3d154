// The Fetcher that runs git. A part of modelrun-source, and of tests; the operator uses Client (client.h).
#pragma once

#include <filesystem>

#include "source/fetcher.h"
#include "source/git/address.h"

namespace modelrun::source {

class GitFetcher final : public Fetcher {
 public:
  // Below `scratch`, which is created when it is missing, each call has a directory of its own, which is removed at its
  // end.
  GitFetcher(Policy policy, std::filesystem::path scratch, Lookup lookup = system_lookup)
      : policy_(policy), scratch_(std::move(scratch)), lookup_(std::move(lookup)) {}

  Result<Resolved> resolve(const Remote& remote, const std::optional<std::string>& branch,
                           const std::stop_token& stop) override;
  Result<FileDigest> fetch(const Remote& remote, const std::string& commit, const ArchiveFiles& files,
                           const std::stop_token& stop) override;

 private:
  const Policy policy_;
  const std::filesystem::path scratch_;
  const Lookup lookup_;
};

}  // namespace modelrun::source
