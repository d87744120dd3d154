#include "runtime/process_flags.h"

#include <CLI/CLI.hpp>

namespace modelrun::runtime {
namespace {

// Adds a flag whose text is converted by `parse` and stored in `value`.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, T& value, Parse parse, const std::string& help) {
  return app.add_option_function<std::string>(
      name,
      [name, &value, parse](const std::string& text) {
        auto parsed = parse(text);
        if (!parsed) throw CLI::ValidationError(name, parsed.error().message);
        value = std::move(*parsed);
      },
      help);
}

}  // namespace

void add_cluster_flags(CLI::App& app, ProcessFlags& flags) {
  app.add_option("--kubeconfig", flags.kubeconfig,
                 "kubeconfig file; without it $KUBECONFIG, the pod's service account, ~/.kube/config");
  app.add_option("--context", flags.context, "context of the kubeconfig");
}

void add_process_flags(CLI::App& app, ProcessFlags& flags) {
  add_parsed(app, "--http-listen", flags.http_listen, parse_endpoint, "where /healthz, /readyz and /metrics are served")
      ->default_str(fmt::format("{}:{}", flags.http_listen.address, flags.http_listen.port));
  add_parsed(app, "--log-format", flags.log_format, log::parse_format, "text or json")->default_str("text");
  add_parsed(app, "--log-level", flags.log_level, log::parse_level, "debug, info, warn or error")->default_str("info");
}

std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv,
                                      const std::function<Result<void>()>& check) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (auto checked = check(); !checked) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), checked.error().message);
    return 2;
  }
  return std::nullopt;
}

}  // namespace modelrun::runtime
