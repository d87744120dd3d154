// Where the API server is and who we are: kubeconfig files, or the service account of the pod we run in.
// Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace modelrun::kube {

// A credential plugin (client.authentication.k8s.io/v1): a program that prints an ExecCredential.
struct ExecPlugin {
  std::string command{};
  std::vector<std::string> args{};
  std::vector<std::pair<std::string, std::string>> env{};
  std::string api_version{};
  std::string install_hint{};
  bool provide_cluster_info = false;
};

// A plain value: copy it freely. It holds secrets; never log it.
struct Config {
  std::string server{};  // "https://10.0.0.1:6443", perhaps with a path
  std::string ca_pem{};  // empty: the system's trust store
  std::string client_cert_pem{};
  std::string client_key_pem{};
  std::string token{};
  std::string token_file{};  // read again every minute; wins over `token`
  std::optional<ExecPlugin> exec{};
  std::string namespace_ = "default";
  std::string tls_server_name{};  // checked in the certificate instead of the host in `server`
  bool insecure_skip_tls_verify = false;
};

// What a credential plugin gave.
struct ExecCredential {
  std::string token{};
  std::string client_cert_pem{};
  std::string client_key_pem{};
  std::optional<Time> expires{};  // nothing: good until the server says 401
};

// Reads `path`, which may name several files separated by ':' as KUBECONFIG does (the first to set a value wins; files
// that are missing are skipped as long as one is there). An empty `context` means current-context.
// kNotFound: no file, or no such context; kInvalid: not a kubeconfig; kDenied: unreadable.
Result<Config> load_kubeconfig(std::string_view path, std::string_view context);

// From KUBERNETES_SERVICE_HOST and the mounted service account. kNotFound outside of a cluster.
Result<Config> in_cluster();

// The first that is given of: `path`, $KUBECONFIG, the pod's service account, ~/.kube/config. A context, when given,
// rules the service account out.
Result<Config> default_config(const std::optional<std::string>& path, const std::optional<std::string>& context);

// Runs the plugin for `config`, at most `timeout` long. kDenied when it fails; its standard error goes to ours.
Result<ExecCredential> run_exec_plugin(const Config& config, std::chrono::milliseconds timeout, std::stop_token stop);

// The bearer token of a Config as it is now: the file read again after a minute, the plugin run again once its
// credential expires. Thread-safe.
class TokenSource {
 public:
  TokenSource(Config config, const Clock& clock);  // `clock` must outlive it
  // The token, or "" when the Config has none.
  Result<std::string> token(std::stop_token stop);
  // The client certificate that came from the plugin, if any.
  Result<ExecCredential> credential(std::stop_token stop);
  // The server answered 401: the next call reads the file again, or runs the plugin again if it last ran five seconds
  // ago.
  void rejected();
  ~TokenSource();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelrun::kube
