#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <map>

#include <nlohmann/json.hpp>

#include "api/json_access.h"
#include "base/child_process.h"
#include "base/encoding.h"
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

struct Plugin {
  ChildProcess child;
  UniqueFd output;
};

Result<Plugin> start(const Config& config) {
  auto pipe = make_pipe();
  RETURN_IF_ERROR(pipe);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return std::unexpected(errno_error("open /dev/null", errno));
  SpawnPlan plan{.argv = {config.exec->command},
                 .environment = plugin_environment(config),
                 .descriptors = {null.get(), pipe->write.get()}};
  plan.argv.insert(plan.argv.end(), config.exec->args.begin(), config.exec->args.end());
  auto child = spawn(plan);
  if (!child) {
    const auto& hint = config.exec->install_hint;
    return fail(ErrorKind::kDenied, "{}{}{}", child.error().message, hint.empty() ? "" : ": ", hint);
  }
  return Plugin{std::move(*child), std::move(pipe->read)};
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
  auto started = start(config);
  if (!started) return fail_in(stage, started.error());
  auto output = read_to_end(started->output.get(), kOutputLimit, std::chrono::steady_clock::now() + timeout, stop);
  if (!output) return fail_in(stage, output.error());
  const int status = started->child.wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(ErrorKind::kDenied, "{}: it failed (wait status {}); run it by hand to see why", stage, status);
  }
  auto credential = parse_credential(*output);
  if (!credential) return fail_in(stage, credential.error());
  return credential;
}

}  // namespace modelrun::kube
