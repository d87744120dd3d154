// The command-line flags that the operator and the gateway share.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/endpoint.h"
#include "base/log.h"

namespace CLI {
class App;
}

namespace modelrun::runtime {

struct ProcessFlags {
  std::optional<std::string> kubeconfig, context;
  Endpoint http_listen;  // where /healthz, /readyz and /metrics are served
  log::Format log_format = log::Format::kText;
  log::Level log_level = log::Level::kInfo;
};

// Adds --kubeconfig and --context. `flags` must live until the command line has been parsed, here and below.
void add_cluster_flags(CLI::App& app, ProcessFlags& flags);
// Adds --http-listen, --log-format and --log-level. The default of --http-listen is the value in `flags`.
void add_process_flags(CLI::App& app, ProcessFlags& flags);

// Parses the command line, then calls `check`. Returns nullopt when both succeed. Otherwise returns the exit code
// with which the program must end: 0 after --help and --version, 2 for a wrong command line or a failed `check`. The
// message for the user has then been printed.
std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv,
                                      const std::function<Result<void>()>& check);

}  // namespace modelrun::runtime
