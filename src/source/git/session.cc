#include "source/git/session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"
#include "base/text.h"
#include "source/git/git_errors.h"
#include "source/message.h"

namespace modelrun::source {
namespace {

constexpr const char* kGit = "/usr/bin/git";
constexpr const char* kEmpty = "/dev/null";
constexpr const char* kEvents = "events";  // in the session's directory
constexpr std::size_t kMaxEvents = std::size_t{1} << 20U;

// RLIMIT_AS of each git process. A list of refs takes little; the objects of a pack are held one by one.
constexpr std::uint64_t kListMemory = std::uint64_t{128} << 20U;
constexpr std::uint64_t kFetchMemory = std::uint64_t{256} << 20U;

using GitSettings = std::vector<std::pair<std::string, std::string>>;

// The settings of every command. They are passed in the environment and so take precedence over every configuration
// file. Commands that talk to the remote get further settings (online_settings).
GitSettings common_settings(const GitUrl& url) {
  return {
      {"protocol.allow", "never"},
      {fmt::format("protocol.{}.allow", to_string(url.scheme)), "always"},
      {"protocol.version", "2"},
      {"core.hooksPath", kEmpty},
      {"core.attributesFile", kEmpty},
      {"core.excludesFile", kEmpty},
      {"core.fsmonitor", "false"},
      {"core.askPass", ""},
      {"core.protectHFS", "true"},
      {"core.protectNTFS", "true"},
      // Larger blobs are never held in memory as a whole, unless they come as deltas; then RLIMIT_AS ends git.
      {"core.bigFileThreshold", "1m"},
      {"core.packedGitWindowSize", "1m"},
      {"core.packedGitLimit", "32m"},
      {"core.deltaBaseCacheLimit", "16m"},
      {"credential.helper", ""},
      {"submodule.recurse", "false"},
      {"fetch.recurseSubmodules", "false"},
      {"fetch.unpackLimit", "1"},  // always keep the pack as one file, so that RLIMIT_FSIZE limits it
      {"fetch.writeCommitGraph", "false"},
      {"transfer.fsckObjects", "true"},
      {"transfer.bundleURI", "false"},
      // Old and home-made tools made many commits with these faults, and none of them changes what a tree means: who
      // wrote a commit or a tag, when, and what else its head says, is not read here; neither are attributes.
      {"fetch.fsck.badDate", "ignore"},
      {"fetch.fsck.badDateOverflow", "ignore"},
      {"fetch.fsck.badEmail", "ignore"},
      {"fetch.fsck.badName", "ignore"},
      {"fetch.fsck.badTagName", "ignore"},
      {"fetch.fsck.badTimezone", "ignore"},
      {"fetch.fsck.extraHeaderEntry", "ignore"},
      {"fetch.fsck.gitattributesLarge", "ignore"},
      {"fetch.fsck.gitattributesLineLength", "ignore"},
      {"fetch.fsck.missingAuthor", "ignore"},
      {"fetch.fsck.missingCommitter", "ignore"},
      {"fetch.fsck.missingEmail", "ignore"},
      {"fetch.fsck.missingNameBeforeEmail", "ignore"},
      {"fetch.fsck.missingSpaceBeforeDate", "ignore"},
      {"fetch.fsck.missingSpaceBeforeEmail", "ignore"},
      {"fetch.fsck.missingTaggerEntry", "ignore"},
      {"fetch.fsck.multipleAuthors", "ignore"},
      {"fetch.fsck.zeroPaddedDate", "ignore"},
      {"fetch.fsck.zeroPaddedFilemode", "ignore"},
      {"gc.auto", "0"},
      {"maintenance.auto", "false"},
      {"pack.threads", "1"},
      {"http.followRedirects", "false"},
      {"http.sslVerify", "true"},
      {"http.proxy", ""},
      {"http.lowSpeedLimit", "1"},
      {"http.lowSpeedTime", "30"},
  };
}

std::vector<std::string> environment_with(const GitSettings& settings, const std::filesystem::path& directory,
                                          const GitUrl& url) {
  std::vector<std::string> environment = {
      "PATH=/usr/bin:/bin",
      "LC_ALL=C",
      "HOME=" + (directory / "home").string(),
      "XDG_CONFIG_HOME=" + (directory / "home").string(),
      "TMPDIR=" + directory.string(),
      "GIT_CONFIG_NOSYSTEM=1",
      "GIT_ATTR_NOSYSTEM=1",
      // For a file:// remote, git starts upload-pack, which ignores the settings in the environment and accepts
      // safe.directory, the exemption from its check of the repository's owner, only from a file.
      "GIT_CONFIG_GLOBAL=" + (url.scheme == Scheme::kFile ? (directory / "config").string() : kEmpty),
      "GIT_TERMINAL_PROMPT=0",
      "GIT_ASKPASS=",
      "SSH_ASKPASS=",
      "GIT_SSH_COMMAND=/bin/false",
      fmt::format("GIT_ALLOW_PROTOCOL={}", to_string(url.scheme)),
      "GIT_PROTOCOL_FROM_USER=0",
      "GIT_NO_LAZY_FETCH=1",
      "GIT_NO_REPLACE_OBJECTS=1",
      "GIT_OPTIONAL_LOCKS=0",
      "GIT_ADVICE=0",
      // The record of git's own errors, see git_errors.h.
      "GIT_TRACE2_EVENT=" + (directory / kEvents).string(),
      "GIT_TRACE2_EVENT_BRIEF=1",
      "MALLOC_ARENA_MAX=1",  // RLIMIT_AS counts the room of unused arenas too
      fmt::format("GIT_CONFIG_COUNT={}", settings.size()),
  };
  for (std::size_t i = 0; i < settings.size(); ++i) {
    environment.push_back(fmt::format("GIT_CONFIG_KEY_{}={}", i, settings[i].first));
    environment.push_back(fmt::format("GIT_CONFIG_VALUE_{}={}", i, settings[i].second));
  }
  return environment;
}

struct Authorization {
  std::string header;  // empty if there are no credentials
  std::vector<std::string> secrets;
};

Result<Authorization> authorization_of(const Credentials& credentials) {
  constexpr std::string_view fault = "the Secret's {} holds a line break or another control character: remove it";
  if (const auto* basic = std::get_if<BasicCredentials>(&credentials)) {
    if (has_control(basic->username) || has_control(basic->password)) {
      return fail(ErrorKind::kDenied, fault, "username or password");
    }
    if (basic->username.find(':') != std::string::npos) {
      return fail(ErrorKind::kDenied, "the Secret's username holds a ':', which HTTP cannot carry");
    }
    const std::string joined = base64_encode(basic->username + ":" + basic->password);
    return Authorization{"Authorization: Basic " + joined, {joined, basic->password}};
  }
  if (const auto* bearer = std::get_if<BearerCredentials>(&credentials)) {
    if (has_control(bearer->token)) return fail(ErrorKind::kDenied, fault, "bearerToken");
    return Authorization{"Authorization: Bearer " + bearer->token, {bearer->token}};
  }
  return Authorization{};
}

// "HOST:PORT:ADDRESS[,ADDRESS…]", the format of curl's --resolve. Empty when the host is an address itself.
std::string pin_of(const GitUrl& url, const std::vector<std::string>& addresses) {
  std::vector<std::string> shown;
  for (const std::string& address : addresses) {
    if (address == url.host) return {};
    shown.push_back(address.find(':') == std::string::npos ? address : "[" + address + "]");
  }
  return fmt::format("{}:{}:{}", url.host, url.port, fmt::join(shown, ","));
}

Result<void> write_session_files(const std::filesystem::path& directory, const Remote& remote) {
  std::error_code error;
  std::filesystem::create_directory(directory / "home", error);
  if (error) return std::unexpected(own_failure("make git's home", error.value()));
  RETURN_IF_ERROR(write_file(directory / "config", "[safe]\n\tdirectory = *\n"));
  if (remote.ca_pem.empty()) return {};
  return write_file(directory / "ca.pem", remote.ca_pem);
}

// The settings of a command that talks to the remote: the common ones, the pinned addresses, the credentials and the
// certificate authority.
Result<GitSettings> online_settings(const Remote& remote, const GitUrl& url, const std::string& header,
                                    const std::filesystem::path& directory, const GitSessionOptions& options,
                                    const std::stop_token& stop) {
  GitSettings settings = common_settings(url);
  if (url.scheme == Scheme::kFile) return settings;
  auto addresses =
      resolve_checked(*options.lookup, url.host, options.policy->allow_private_addresses, options.timeout, stop);
  RETURN_IF_ERROR(addresses);
  if (auto pin = pin_of(url, *addresses); !pin.empty()) settings.emplace_back("http.curloptResolve", std::move(pin));
  if (!header.empty()) settings.emplace_back(fmt::format("http.{}/.extraHeader", url.origin()), header);
  if (!remote.ca_pem.empty()) settings.emplace_back("http.sslCAInfo", (directory / "ca.pem").string());
  return settings;
}

}  // namespace

Result<GitSession> GitSession::open(const Remote& remote, const GitUrl& url, const GitSessionOptions& options,
                                    const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  auto authorization = authorization_of(remote.credentials);
  RETURN_IF_ERROR(authorization);
  auto scratch = ScratchDir::make(options.scratch);
  RETURN_IF_ERROR(scratch);
  GitSession session(std::move(*scratch));
  session.url_ = url.text();
  session.deadline_ = deadline;
  session.max_file_bytes_ = options.policy->max_pack_bytes;
  session.secrets_ = std::move(authorization->secrets);
  RETURN_IF_ERROR(write_session_files(session.directory(), remote));
  auto online = online_settings(remote, url, authorization->header, session.directory(), options, stop);
  RETURN_IF_ERROR(online);
  session.local_environment_ = environment_with(common_settings(url), session.directory(), url);
  session.online_environment_ = environment_with(*online, session.directory(), url);
  RETURN_IF_ERROR(session.confine(url, *options.policy));
  return session;
}

Result<void> GitSession::confine(const GitUrl& url, const Policy& policy) {
  ConfinementSpec spec;
  spec.writable = directory();
  spec.landlock_optional = policy.landlock_optional;
  auto local = Confinement::make(spec);
  RETURN_IF_ERROR(local);
  local_ = std::move(*local);
  if (url.scheme == Scheme::kFile) {
    spec.readable = {url.path};
  } else {
    spec.port = url.port;
  }
  auto online = Confinement::make(spec);
  RETURN_IF_ERROR(online);
  online_ = std::move(*online);
  return {};
}

Result<void> GitSession::make_repository(bool sha256) const {
  std::error_code error;
  for (const char* name : {"objects/pack", "objects/info", "refs/heads"}) {
    std::filesystem::create_directories(repository() / name, error);
    if (error) return std::unexpected(own_failure("make a repository", error.value()));
  }
  const std::string_view config = sha256 ? "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
                                           "[extensions]\n\tobjectFormat = sha256\n"
                                         : "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
  RETURN_IF_ERROR(write_file(repository() / "config", config));
  return write_file(repository() / "HEAD", "ref: refs/heads/none\n");
}

Result<void> GitSession::remote_command(std::vector<std::string> arguments, const Sink& sink,
                                        const std::stop_token& stop, bool* unadvertised) const {
  const auto failure = run(std::move(arguments), {}, true, sink, stop);
  if (!failure) return {};
  if (unadvertised != nullptr) *unadvertised = failure->unadvertised;
  return std::unexpected(failure->error);
}

Result<void> GitSession::local_command(std::vector<std::string> arguments, std::string_view input, const Sink& sink,
                                       const std::stop_token& stop) const {
  const auto failure = run(std::move(arguments), input, false, sink, stop);
  return failure ? Result<void>(std::unexpected(failure->error)) : Result<void>();
}

std::optional<GitFailure> GitSession::run(std::vector<std::string> arguments, std::string_view input, bool online,
                                          const Sink& sink, const std::stop_token& stop) const {
  ProcessSpec spec;
  spec.argv = {kGit};
  std::ranges::move(arguments, std::back_inserter(spec.argv));
  spec.environment = online ? online_environment_ : local_environment_;
  // GIT_DIR keeps git from searching for a repository in the parent directories. ls-remote needs no repository;
  // without one the ceiling makes the search end in the scratch directory.
  if (std::filesystem::exists(repository() / "HEAD")) {
    spec.environment.push_back("GIT_DIR=" + repository().string());
  } else {
    spec.environment.push_back("GIT_CEILING_DIRECTORIES=" + directory().parent_path().string());
  }
  spec.directory = directory();
  spec.input = input;
  spec.confinement = online ? &online_ : &local_;
  spec.deadline = deadline_;
  spec.max_file_bytes = max_file_bytes_;
  spec.max_memory_bytes = std::filesystem::exists(repository()) ? kFetchMemory : kListMemory;
  const auto events = directory() / kEvents;
  std::error_code ignored;
  std::filesystem::remove(events, ignored);
  auto end = run_process(spec, sink, stop);
  if (!end && end.error().kind == ErrorKind::kTimeout) {
    return GitFailure{{ErrorKind::kTimeout, fmt::format("{}: git did not finish in time", url_)}};
  }
  if (!end) return GitFailure{{end.error().kind, safe_message(end.error().message, secrets_)}};
  if (end->ok()) return std::nullopt;
  return explain_git_failure(end->exit_code, end->diagnostics, read_end(events, kMaxEvents), url_, secrets_);
}

}  // namespace modelrun::source
