// Finds the address of the API server and the credentials of this process, in kubeconfig files or in the service
// account of the pod that this process runs in.
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

// A credential plugin: a program that prints an ExecCredential (client.authentication.k8s.io/v1 or v1beta1).
struct ExecPlugin {
  std::string command{};  // without a slash, it is looked up in PATH
  std::vector<std::string> args{};
  std::vector<std::pair<std::string, std::string>> env{};  // added to the environment of this process
  std::string api_version{};
  std::string install_hint{};         // appended to the error when the plugin cannot be started
  bool provide_cluster_info = false;  // pass the server and its CA in KUBERNETES_EXEC_INFO
};

// How to reach and authenticate to one API server. It may be copied. It holds secrets: never log it. Of the sources
// of a token, `token_file` wins over `exec`, and `exec` wins over `token`.
struct Config {
  std::string server{};  // a URL, http or https, possibly with a path: "https://10.0.0.1:6443"
  std::string ca_pem{};  // the only CAs to trust; empty: the system's trust store
  std::string client_cert_pem{};
  std::string client_key_pem{};
  std::string token{};
  std::string token_file{};  // read again after a minute
  std::optional<ExecPlugin> exec{};
  std::string namespace_ = "default";  // for commands that name none
  std::string tls_server_name{};       // the name that the server's certificate must carry; empty: the host in `server`
  bool insecure_skip_tls_verify = false;
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones of every request: names and values
};

// The credential in use: a token, a client certificate with its key, or both.
struct ExecCredential {
  std::string token{};
  std::string client_cert_pem{};
  std::string client_key_pem{};
  std::optional<Time> expires{};  // nullopt: valid until the server answers 401
};

// Reads the kubeconfig at `path`. `path` may name several files separated by ':', as KUBECONFIG does: of entries with
// one name, and of several current-contexts, the first wins, and missing files are skipped as long as one exists. An
// empty `context` means the current-context. Relative paths in a file start at that file's folder.
// kNotFound: none of the files exists, no context is named, there is no such context, or a certificate or key file
// that it names is missing. kInvalid: not a kubeconfig, or it uses what is not supported (proxy-url, auth-provider,
// username, as, another apiVersion of exec). kDenied: a file may not be read. kTooLarge: a file exceeds 1 MiB.
Result<Config> load_kubeconfig(std::string_view path, std::string_view context);

// Makes the Config of the pod that this process runs in, from KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT and
// the mounted service account. kNotFound outside of a cluster, and in a pod that mounts no service account token.
Result<Config> in_cluster();

// Uses the first of these that is there: `path`, $KUBECONFIG, the pod's service account, ~/.kube/config. An empty
// `path` or `context` counts as not given. When a context is given, the service account is skipped, as it has no
// contexts. Fails like load_kubeconfig(); kNotFound also when none of the four is there.
Result<Config> default_config(const std::optional<std::string>& path, const std::optional<std::string>& context);

// Runs the plugin of `config` and blocks until it has ended. The plugin has no terminal: its standard input is empty,
// and its standard error is that of this process. It must exit soon after it has closed its output: that exit is
// waited for without a limit.
// kDenied: it cannot be started, exits with a failure, or prints no ExecCredential with a token or a certificate.
// kTimeout: its output does not end within `timeout`. kCancelled: `stop` was requested, which is noticed within 20 ms.
// kTooLarge: it prints more than 256 KiB. kInvalid: `config` has no plugin. kInternal: no pipe could be made.
Result<ExecCredential> run_exec_plugin(const Config& config, std::chrono::milliseconds timeout, std::stop_token stop);

// Holds the current credential of a Config and renews it when needed: a token file is read again after a minute, a
// plugin is run again 10 s before its credential expires. Thread-safe. The methods block while the file is read or
// the plugin runs (at most 60 s for its output); other threads wait for that meanwhile, and this wait ignores their
// `stop`.
class TokenSource {
 public:
  TokenSource(Config config, const Clock& clock);  // `clock` must outlive it
  // The token, or "" when the Config has none. kDenied when the token file cannot be read and no token is known yet:
  // a token that was read before stays in use. Otherwise fails like run_exec_plugin().
  Result<std::string> token(std::stop_token stop);
  // The token together with the client certificate that came from the plugin, if any. A client certificate of the
  // Config itself is not in it. Fails like token().
  Result<ExecCredential> credential(std::stop_token stop);
  // To be called when the server answered 401. The next call of token() or credential() reads the file again, or runs
  // the plugin again unless it last ran less than five seconds ago. A static token stays as it is.
  void rejected();
  ~TokenSource();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelrun::kube
