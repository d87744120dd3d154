// The command-line flags that the operator and the gateway share.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/log.h"

namespace CLI {
class App;
}

namespace modelrun::runtime {

// Each watched namespace costs up to five threads and as many connections to the API server.
inline constexpr std::size_t kMaxWatchNamespaces = 32;

struct ProcessFlags {
  std::optional<std::string> kubeconfig, context;
  // The namespaces that the process takes care of: distinct, in ascending order, kMaxWatchNamespaces at most. Empty:
  // all.
  std::vector<std::string> watch_namespaces;
  Endpoint http_listen;  // where /healthz, /readyz and /metrics are served
  log::Format log_format = log::Format::kText;
  log::Level log_level = log::Level::kInfo;
};

// Adds --kubeconfig, --context and --watch-namespaces. `flags` must live until the command line has been parsed,
// here and below.
void add_cluster_flags(CLI::App& app, ProcessFlags& flags);
// Adds --http-listen, --log-format and --log-level. The default of --http-listen is the value in `flags`.
void add_process_flags(CLI::App& app, ProcessFlags& flags);

// Parses the command line, checks and sorts flags.watch_namespaces, then calls `check`. Returns nullopt when both
// succeed. Otherwise returns the exit code with which the program must end: 0 after --help and --version, 2 for a
// wrong command line or a failed `check`. The message for the user has then been printed.
std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv, ProcessFlags& flags,
                                      const std::function<Result<void>()>& check);

}  // namespace modelrun::runtime
