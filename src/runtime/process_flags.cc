#include "runtime/process_flags.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <utility>

#include "base/dns_label.h"
#include "base/text.h"

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

// Replaces the texts of the flag, each with one or more names, by the names: sorted, distinct, and checked. An empty
// one is refused and not left out, as a flag without a name must not stand for all namespaces.
Result<void> take_watch_namespaces(std::vector<std::string>& texts) {
  std::vector<std::string> names;
  for (const auto& text : texts) {
    for (const auto name : split_at(text, ',')) names.emplace_back(name);
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  for (const auto& name : names) {
    if (!is_dns_label(name)) {
      return fail(ErrorKind::kInvalid,
                  "--watch-namespaces: '{}' is no name of a namespace; leave the flag out to watch all namespaces",
                  name);
    }
  }
  if (names.size() > kMaxWatchNamespaces) {
    return fail(
        ErrorKind::kInvalid,
        "--watch-namespaces: {} namespaces, and at most {} are watched one by one; install several releases, or "
        "one that watches all namespaces",
        names.size(), kMaxWatchNamespaces);
  }
  texts = std::move(names);
  return {};
}

}  // namespace

void add_cluster_flags(CLI::App& app, ProcessFlags& flags) {
  app.add_option("--kubeconfig", flags.kubeconfig,
                 "kubeconfig file; without it $KUBECONFIG, the pod's service account, ~/.kube/config");
  app.add_option("--context", flags.context, "context of the kubeconfig");
  app.add_option(
         "--watch-namespaces", flags.watch_namespaces,
         "the only namespaces to take care of, such as team-a,team-b; Roles in them suffice then. Without it, all")
      ->allow_extra_args(false);
}

void add_process_flags(CLI::App& app, ProcessFlags& flags) {
  add_parsed(app, "--http-listen", flags.http_listen, parse_endpoint, "where /healthz, /readyz and /metrics are served")
      ->default_str(fmt::format("{}:{}", flags.http_listen.address, flags.http_listen.port));
  add_parsed(app, "--log-format", flags.log_format, log::parse_format, "text or json")->default_str("text");
  add_parsed(app, "--log-level", flags.log_level, log::parse_level, "debug, info, warn or error")->default_str("info");
}

std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv, ProcessFlags& flags,
                                      const std::function<Result<void>()>& check) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  auto checked = take_watch_namespaces(flags.watch_namespaces);
  if (checked) checked = check();
  if (!checked) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), checked.error().message);
    return 2;
  }
  return std::nullopt;
}

}  // namespace modelrun::runtime
