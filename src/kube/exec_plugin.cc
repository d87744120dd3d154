#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <map>

#include <nlohmann/json.hpp>

#include "api/json_access.h"
#include "base/encoding.h"
#include "base/fd.h"
#include "kube/config.h"
#include "kube/json.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX requires the program to declare it

namespace modelrun::kube {
namespace {

constexpr std::size_t kOutputLimit = 256U << 10U;

std::string exec_info(const Config& config) {
  Json info{{"apiVersion", config.exec->api_version}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}};
  if (config.exec->provide_cluster_info) {
    Json cluster{{"server", config.server}};
    if (!config.ca_pem.empty()) cluster["certificate-authority-data"] = base64_encode(config.ca_pem);
    if (!config.tls_server_name.empty()) cluster["tls-server-name"] = config.tls_server_name;
    if (config.insecure_skip_tls_verify) cluster["insecure-skip-tls-verify"] = true;
    info["spec"]["cluster"] = std::move(cluster);
  }
  return api::json_text(info);
}

std::vector<std::string> plugin_environment(const Config& config) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) merged[std::string{text.substr(0, equals)}] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : config.exec->env) merged[name] = value;
  merged["KUBERNETES_EXEC_INFO"] = exec_info(config);
  std::vector<std::string> lines;
  lines.reserve(merged.size());
  for (const auto& [name, value] : merged) lines.push_back(fmt::format("{}={}", name, value));
  return lines;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Owns a child process: the destructor kills and reaps it, unless wait() has reaped it already.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  // Blocks until the child has ended and returns its status in the form of waitpid().
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

Result<std::pair<pid_t, UniqueFd>> spawn(const Config& config) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return std::unexpected(errno_error("pipe", errno));
  UniqueFd read_end(pipe[0]);
  const UniqueFd write_end(pipe[1]);
  std::vector<std::string> arguments{config.exec->command};
  arguments.insert(arguments.end(), config.exec->args.begin(), config.exec->args.end());
  auto variables = plugin_environment(config);
  auto argv = pointers(arguments);
  auto envp = pointers(variables);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    auto failure = errno_error("start " + config.exec->command, error);
    if (!config.exec->install_hint.empty()) failure.message += ": " + config.exec->install_hint;
    return std::unexpected(Error{ErrorKind::kDenied, failure.message});
  }
  return std::pair{pid, std::move(read_end)};
}

Result<std::string> read_all(int fd, std::chrono::steady_clock::time_point deadline, std::stop_token stop) {
  std::string output;
  std::array<char, 4096> buffer{};
  while (true) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
    if (std::chrono::steady_clock::now() >= deadline) return fail(ErrorKind::kTimeout, "no answer in time");
    // Polls with a short time-out so that `stop` is noticed. The cost does not matter: a plugin runs once for each
    // credential.
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, 20) <= 0) continue;
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) return output;
    if (got < 0 && errno != EINTR) return std::unexpected(errno_error("read", errno));
    if (got > 0) output.append(buffer.data(), static_cast<std::size_t>(got));
    if (output.size() > kOutputLimit) return fail(ErrorKind::kTooLarge, "more than {} bytes", kOutputLimit);
  }
}

Result<ExecCredential> parse_credential(const std::string& output) {
  const Json parsed = Json::parse(output, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object() || api::text_at(parsed, "kind") != "ExecCredential" || !parsed.contains("status") ||
      !parsed["status"].is_object()) {
    return fail(ErrorKind::kDenied, "it printed no ExecCredential with a status");
  }
  const Json& status = parsed["status"];
  ExecCredential credential{.token = api::text_at(status, "token"),
                            .client_cert_pem = api::text_at(status, "clientCertificateData"),
                            .client_key_pem = api::text_at(status, "clientKeyData"),
                            .expires = parse_rfc3339(api::text_at(status, "expirationTimestamp"))};
  if (credential.token.empty() && credential.client_cert_pem.empty()) {
    return fail(ErrorKind::kDenied, "it gave neither a token nor a certificate");
  }
  return credential;
}

}  // namespace

Result<ExecCredential> run_exec_plugin(const Config& config, std::chrono::milliseconds timeout, std::stop_token stop) {
  if (!config.exec) return fail(ErrorKind::kInvalid, "no credential plugin is configured");
  const std::string stage = "credential plugin " + config.exec->command;
  auto started = spawn(config);
  if (!started) return fail_in(stage, started.error());
  Child child(started->first);
  auto output = read_all(started->second.get(), std::chrono::steady_clock::now() + timeout, stop);
  if (!output) return fail_in(stage, output.error());
  const int status = child.wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(ErrorKind::kDenied, "{}: it failed (wait status {}); run it by hand to see why", stage, status);
  }
  auto credential = parse_credential(*output);
  if (!credential) return fail_in(stage, credential.error());
  return credential;
}

}  // namespace modelrun::kube
