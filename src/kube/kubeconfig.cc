#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <filesystem>
#include <optional>

#include "base/encoding.h"
#include "kube/config.h"
#include "kube/files.h"

namespace modelrun::kube {
namespace {

// Several files merged by the rules of KUBECONFIG: of two entries with one name, and of two current-contexts, the
// first wins.
struct Merged {
  struct Entry {
    YAML::Node body;
    std::filesystem::path folder;  // relative paths start here
  };
  std::string current_context;
  std::map<std::string, Entry> clusters;
  std::map<std::string, Entry> users;
  std::map<std::string, Entry> contexts;
};

std::string text(const YAML::Node& node, const char* field) {
  const auto value = node[field];
  return value && value.IsScalar() ? value.Scalar() : std::string{};
}

void merge_entries(const YAML::Node& file, const char* list, const char* body, const std::filesystem::path& folder,
                   std::map<std::string, Merged::Entry>& into) {
  for (const auto& entry : file[list]) {
    if (entry[body]) into.try_emplace(text(entry, "name"), Merged::Entry{entry[body], folder});
  }
}

Result<void> merge_file(const std::string& path, Merged& merged) {
  auto content = read_text_file(path);
  RETURN_IF_ERROR(content);
  const YAML::Node file = YAML::Load(*content);
  if (!file.IsMap()) return fail(ErrorKind::kInvalid, "{}: not a kubeconfig", path);
  const auto folder = std::filesystem::path{path}.parent_path();
  if (merged.current_context.empty()) merged.current_context = text(file, "current-context");
  merge_entries(file, "clusters", "cluster", folder, merged.clusters);
  merge_entries(file, "users", "user", folder, merged.users);
  merge_entries(file, "contexts", "context", folder, merged.contexts);
  return {};
}

// Returns true when at least one of the files exists.
Result<bool> merge_files(std::string_view paths, Merged& merged) {
  bool any = false;
  while (true) {
    const auto colon = paths.find(':');
    const std::string path{paths.substr(0, colon)};
    if (!path.empty()) {
      auto result = merge_file(path, merged);
      if (result) {
        any = true;
      } else if (result.error().kind != ErrorKind::kNotFound) {
        return std::unexpected(result.error());
      }
    }
    if (colon == std::string_view::npos) return any;
    paths.remove_prefix(colon + 1);
  }
}

// Reads e.g. the field "certificate-authority-data" (base64), or else the file that "certificate-authority" names.
Result<std::string> data_or_file(const Merged::Entry& entry, const char* field) {
  const std::string data = text(entry.body, (std::string{field} + "-data").c_str());
  if (!data.empty()) {
    auto decoded = base64_decode(data);
    if (!decoded) return fail_in(std::string{field} + "-data", decoded.error());
    return decoded;
  }
  const std::string path = text(entry.body, field);
  if (path.empty()) return std::string{};
  return read_text_file((entry.folder / path).string());
}

Result<void> read_cluster(const Merged::Entry& cluster, Config& config) {
  config.server = text(cluster.body, "server");
  if (config.server.empty()) return fail(ErrorKind::kInvalid, "the cluster has no server");
  if (!text(cluster.body, "proxy-url").empty()) {
    return fail(ErrorKind::kInvalid, "proxy-url is not supported: reach the API server directly");
  }
  config.tls_server_name = text(cluster.body, "tls-server-name");
  config.insecure_skip_tls_verify = text(cluster.body, "insecure-skip-tls-verify") == "true";
  auto ca = data_or_file(cluster, "certificate-authority");
  RETURN_IF_ERROR(ca);
  config.ca_pem = std::move(*ca);
  return {};
}

ExecPlugin read_exec(const YAML::Node& node, const std::filesystem::path& folder) {
  ExecPlugin plugin;
  plugin.command = text(node, "command");
  // As in kubectl, a command with a slash is a path relative to the folder of the kubeconfig. A command without one
  // is looked up in PATH.
  if (plugin.command.find('/') != std::string::npos) plugin.command = (folder / plugin.command).string();
  for (const auto& arg : node["args"]) plugin.args.push_back(arg.as<std::string>());
  for (const auto& variable : node["env"]) plugin.env.emplace_back(text(variable, "name"), text(variable, "value"));
  plugin.api_version = text(node, "apiVersion");
  plugin.install_hint = text(node, "installHint");
  plugin.provide_cluster_info = text(node, "provideClusterInfo") == "true";
  return plugin;
}

Result<void> read_user(const Merged::Entry& user, Config& config) {
  for (const char* unsupported : {"auth-provider", "username", "as"}) {
    if (user.body[unsupported]) {
      return fail(ErrorKind::kInvalid, "the user's '{}' is not supported: use a token, a certificate or exec",
                  unsupported);
    }
  }
  auto certificate = data_or_file(user, "client-certificate");
  RETURN_IF_ERROR(certificate);
  config.client_cert_pem = std::move(*certificate);
  auto key = data_or_file(user, "client-key");
  RETURN_IF_ERROR(key);
  config.client_key_pem = std::move(*key);
  config.token = text(user.body, "token");
  if (const auto path = text(user.body, "tokenFile"); !path.empty()) config.token_file = (user.folder / path).string();
  if (const auto exec = user.body["exec"]) {
    config.exec = read_exec(exec, user.folder);
    if (config.exec->api_version != "client.authentication.k8s.io/v1" &&
        config.exec->api_version != "client.authentication.k8s.io/v1beta1") {
      return fail(ErrorKind::kInvalid, "exec: apiVersion '{}' is not supported", config.exec->api_version);
    }
    if (config.exec->command.empty()) return fail(ErrorKind::kInvalid, "exec: no command");
  }
  return {};
}

Result<Config> config_of(const Merged& merged, std::string_view wanted) {
  const std::string name = wanted.empty() ? merged.current_context : std::string{wanted};
  if (name.empty()) return fail(ErrorKind::kNotFound, "no current-context: name one with --context");
  const auto context = merged.contexts.find(name);
  if (context == merged.contexts.end()) return fail(ErrorKind::kNotFound, "no context '{}'", name);
  Config config;
  if (const auto space = text(context->second.body, "namespace"); !space.empty()) config.namespace_ = space;
  const auto cluster = merged.clusters.find(text(context->second.body, "cluster"));
  if (cluster == merged.clusters.end()) return fail(ErrorKind::kInvalid, "context '{}': its cluster is missing", name);
  if (auto read = read_cluster(cluster->second, config); !read) return fail_in("context '" + name + "'", read.error());
  const auto user = merged.users.find(text(context->second.body, "user"));
  if (user != merged.users.end()) {
    if (auto read = read_user(user->second, config); !read) return fail_in("context '" + name + "'", read.error());
  }
  return config;
}

}  // namespace

Result<Config> load_kubeconfig(std::string_view path, std::string_view context) {
  constexpr std::string_view kStage = "read kubeconfig";
  try {
    Merged merged;
    auto any = merge_files(path, merged);
    if (!any) return fail_in(kStage, any.error());
    if (!*any) return fail(ErrorKind::kNotFound, "{}: {}: no such file", kStage, path);
    auto config = config_of(merged, context);
    if (!config) return fail_in(kStage, config.error());
    return config;
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::kInvalid, "{}: {}: {}", kStage, path, error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(ErrorKind::kInvalid, "{}: {}", kStage, error.what());
  }
}

}  // namespace modelrun::kube
