// Runs the git command against an untrusted remote. A GitSession is one piece of work against one remote: it has a
// scratch directory, a deadline and a pinned address, and runs any number of commands. Internal to source/.
//
// Attacks, and the defence against each:
//   - Options, helpers or transports smuggled in by the URL or a ref: there is no shell; the caller checks the URL and
//     the ref first (url.h, ref.h); GIT_ALLOW_PROTOCOL allows one scheme; '--' or '--end-of-options' stands before the
//     URL and the refs. Other operands are commit ids that is_commit() has accepted.
//   - Settings of the machine: the environment is built anew, HOME is an empty directory, and the files of the system
//     and the user are switched off (GIT_CONFIG_*).
//   - Code in the repository (hooks, filters, LFS, submodules): the repository is bare, and nothing is checked out.
//   - A host name that turns to an internal address after the check: http.curloptResolve pins the checked addresses. A
//     URL with a literal address needs no pin.
//   - Redirects, alternates, packfile URIs and bundle URIs to other servers: http.followRedirects=false; the rest is
//     off.
//   - Credentials that are shown, or sent to another server: git gets them by its environment, as a header that is
//     limited to this origin. They are removed from every message (safe_message() in message.h says which) and
//     never stand in argv, in the URL or in a file.
//   - Malformed objects ('..' or '.git' in trees, CR in names, …): transfer.fsckObjects, and check_tree_path() after
//     it.
//   - A pack or a list that never ends, or that unfolds to much more: RLIMIT_FSIZE, RLIMIT_AS and the deadline.
//   - A server that chooses the reason of a failure by its words: git_errors.h.
//   - A git process that is taken over by such input: confinement.h.
// Not defended:
//   - An HTTP proxy is not supported.
//   - A remote may send the true content of any commit, and a model may run it.
//   - Other processes of the operator's uid can read git's environment, as they could read the operator's own memory.
//
// Usage:
//   auto git = GitSession::open(remote, url, options, stop);  // url: from parse_git_url(remote.url, policy)
//   git->make_repository(false);                              // not needed for ls-remote
//   git->remote_command({"fetch", …, "--end-of-options", git->url(), commit}, sink, stop);
//   git->local_command({"cat-file", "-t", commit}, {}, sink, stop);
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/files.h"
#include "source/git/address.h"
#include "source/git/confinement.h"
#include "source/git/git_errors.h"
#include "source/git/process.h"
#include "source/remote.h"
#include "source/url.h"

namespace modelrun::source {

struct GitSessionOptions {
  const Policy* policy = nullptr;  // not null; used during open() only
  std::filesystem::path scratch;   // the session makes its own directory below it; created when it is missing
  const Lookup* lookup = nullptr;  // not null; used during open() only
  // The time for everything, from the name resolution in open() to the end of the last command.
  std::chrono::milliseconds timeout{0};
};

// Used by one thread at a time; move-only. The destructor removes the scratch directory with the repository in it.
class GitSession {
 public:
  // Makes the scratch directory, and resolves and checks the host of `url` (not for file://). `url` is the parsed URL
  // of `remote`. Blocks for the name resolution. Keeps no reference to its arguments.
  // Errors: kDenied for credentials that cannot be sent in an HTTP header or for an address that is not allowed;
  // kUnavailable, kTimeout or kCancelled when the name cannot be resolved (address.h); kUnavailable when Landlock is
  // required and missing (confinement.h); own_failure() when a file cannot be made.
  static Result<GitSession> open(const Remote& remote, const GitUrl& url, const GitSessionOptions& options,
                                 const std::stop_token& stop);

  // Both functions run `git` with `arguments` (without the word "git"), pass its standard output to `sink` in pieces,
  // and block until it has ended. Errors: that of `sink`; kTimeout at the session's deadline; kCancelled on `stop`;
  // those of explain_git_failure() when git exits with a code other than 0; those of run_process() when it cannot be
  // started.
  //
  // Runs a command that talks to the remote: it has the credentials, and network access to the port of the URL.
  // `unadvertised`, unless it is null, is set on failure: see GitFailure.
  Result<void> remote_command(std::vector<std::string> arguments, const Sink& sink, const std::stop_token& stop,
                              bool* unadvertised = nullptr) const;
  // Runs a command on what was fetched, without network and credentials. git reads `input` on its standard input.
  Result<void> local_command(std::vector<std::string> arguments, std::string_view input, const Sink& sink,
                             const std::stop_token& stop) const;

  [[nodiscard]] const std::filesystem::path& directory() const { return scratch_.path(); }
  [[nodiscard]] std::filesystem::path repository() const { return scratch_.path() / "repository"; }
  [[nodiscard]] const std::string& url() const { return url_; }  // GitUrl::text(): how git must be given the remote
  // Makes the empty bare repository that later commands of both kinds run in. May be called once. `sha256` selects the
  // object format: SHA-256 if true, else SHA-1. Fails with own_failure().
  Result<void> make_repository(bool sha256) const;

 private:
  explicit GitSession(ScratchDir scratch) : scratch_(std::move(scratch)) {}
  Result<void> confine(const GitUrl& url, const Policy& policy);
  // Returns nothing when all went well.
  std::optional<GitFailure> run(std::vector<std::string> arguments, std::string_view input, bool online,
                                const Sink& sink, const std::stop_token& stop) const;

  ScratchDir scratch_;
  std::string url_;
  std::uint64_t max_file_bytes_ = 0;
  std::chrono::steady_clock::time_point deadline_;
  std::vector<std::string> online_environment_;
  std::vector<std::string> local_environment_;
  std::vector<std::string> secrets_;  // removed from every message
  Confinement online_;
  Confinement local_;
};

}  // namespace modelrun::source
