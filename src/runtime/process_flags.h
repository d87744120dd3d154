// The flags that the operator and the gateway share.
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
  Endpoint http_listen;  // of /healthz, /readyz and /metrics
  log::Format log_format = log::Format::kText;
  log::Level log_level = log::Level::kInfo;
};

void add_cluster_flags(CLI::App& app, ProcessFlags& flags);
// --http-listen, whose default is what `flags` has, --log-format and --log-level.
void add_process_flags(CLI::App& app, ProcessFlags& flags);

// Reads the command line, then asks `check`. Nothing: go on. Else the exit code to leave with: 0 after --help and
// --version, 2 for a wrong command line; what is to be said has been printed.
std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv,
                                      const std::function<Result<void>()>& check);

}  // namespace modelrun::runtime
