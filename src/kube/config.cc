#include "kube/config.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/fd.h"
#include "base/text.h"
#include "kube/files.h"

namespace modelrun::kube {
namespace {

constexpr std::string_view kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

}  // namespace

Result<std::string> read_text_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::unexpected(errno_error("open " + path, errno));
  std::string content;
  std::array<char, 4096> buffer{};
  while (true) {
    const auto got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got == 0) return content;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error("read " + path, errno));
    content.append(buffer.data(), static_cast<std::size_t>(got));
    if (content.size() > limit) return fail(ErrorKind::kTooLarge, "{}: more than {} bytes", path, limit);
  }
}

Result<Config> in_cluster() {
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return fail(ErrorKind::kNotFound, "not in a pod: KUBERNETES_SERVICE_HOST is not set");
  }
  Config config;
  // The HTTP client cannot connect to an IPv6 address, only to a name that has one.
  const bool ipv6 = host.find(':') != std::string::npos;
  config.server = fmt::format("https://{}:{}", ipv6 ? "kubernetes.default.svc" : host, port);
  const std::string folder{kServiceAccount};
  auto ca = read_text_file(folder + "ca.crt");
  if (!ca) return fail_in("service account", ca.error());
  config.ca_pem = std::move(*ca);
  config.token_file = folder + "token";
  if (auto token = read_text_file(config.token_file); !token) return fail_in("service account", token.error());
  if (auto space = read_text_file(folder + "namespace"); space) config.namespace_ = trimmed(*space, kBlank);
  return config;
}

Result<Config> default_config(const std::optional<std::string>& path, const std::optional<std::string>& context) {
  const std::string wanted = context.value_or("");
  if (path && !path->empty()) return load_kubeconfig(*path, wanted);
  if (const auto paths = environment("KUBECONFIG"); !paths.empty()) return load_kubeconfig(paths, wanted);
  if (wanted.empty()) {
    auto config = in_cluster();
    if (config || config.error().kind != ErrorKind::kNotFound) return config;
  }
  const std::string home = environment("HOME");
  if (home.empty()) return fail(ErrorKind::kNotFound, "no kubeconfig: give --kubeconfig or set KUBECONFIG");
  return load_kubeconfig(home + "/.kube/config", wanted);
}

}  // namespace modelrun::kube
