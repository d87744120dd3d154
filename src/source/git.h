// The git command, hardened. One GitSession is one piece of work against one remote: a scratch directory, a deadline, a
// pinned address, and any number of commands.
//
// Defended, and by what:
//   options, helpers and transports smuggled in by URL or ref   no shell; URL and ref checked before; one scheme
//   allowed
//     (GIT_ALLOW_PROTOCOL); '--' before every operand
//   settings of the machine                                     empty environment, HOME and config files: GIT_CONFIG_*
//   code in the repository (hooks, filters, LFS, submodules)    bare, no checkout, plumbing only
//   a name that turns to an inside address after the check      http.curloptResolve; a literal address needs no pin
//   redirects, alternates, packfile and bundle URIs to others   http.followRedirects=false; the rest off
//   credentials shown or sent elsewhere                         by environment, as a header of this origin only;
//     scrubbed from every message; never in argv, the URL or a file
//   malformed objects (.. and .git in trees, CR in names, …)    transfer.fsckObjects, and check_tree_path after it
//   a pack that never ends                                      RLIMIT_FSIZE, deadline
//   git itself taken over by such input                         confinement.h
// Not defended: an HTTP proxy is not supported; a remote may send any commit's true content, which is what a model may
// run; other processes of the operator's uid can see git's environment, as they could see the operator's own memory.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/address.h"
#include "source/confinement.h"
#include "source/process.h"
#include "source/remote.h"
#include "source/scratch.h"
#include "source/url.h"

namespace modelrun::source {

struct GitSessionOptions {
  const Policy* policy = nullptr;  // outlives the session
  std::filesystem::path scratch;
  const Lookup* lookup = nullptr;  // outlives the session
  std::chrono::milliseconds timeout{0};
};

// Used by one thread at a time.
class GitSession {
 public:
  // Resolves and checks the host. kDenied, kUnavailable, kTimeout, kCancelled as in resolver.h.
  static Result<GitSession> open(const Remote& remote, const GitUrl& url, const GitSessionOptions& options,
                                 const std::stop_token& stop);

  // A command that talks to the remote. A failed command is an Error made by explain_git_failure.
  Result<void> remote_command(std::vector<std::string> arguments, const Sink& sink, const std::stop_token& stop) const;
  // A command on what was fetched: no network, no credentials.
  Result<void> local_command(std::vector<std::string> arguments, std::string_view input, const Sink& sink,
                             const std::stop_token& stop) const;

  [[nodiscard]] const std::filesystem::path& directory() const { return scratch_.path(); }
  [[nodiscard]] std::filesystem::path repository() const { return scratch_.path() / "repository"; }
  [[nodiscard]] const std::string& url() const { return url_; }
  // Makes the empty bare repository that both kinds of command run in. `sha256`: the object format.
  Result<void> make_repository(bool sha256) const;

 private:
  explicit GitSession(ScratchDir scratch) : scratch_(std::move(scratch)) {}
  Result<void> confine(const GitUrl& url, const Policy& policy);
  Result<void> run(std::vector<std::string> arguments, std::string_view input, bool online, const Sink& sink,
                   const std::stop_token& stop) const;

  ScratchDir scratch_;
  std::string url_;
  std::uint64_t max_file_bytes_ = 0;
  std::chrono::steady_clock::time_point deadline_;
  std::vector<std::string> online_environment_;
  std::vector<std::string> local_environment_;
  std::vector<std::string> secrets_;  // to scrub
  Confinement online_;
  Confinement local_;
};

}  // namespace modelrun::source
