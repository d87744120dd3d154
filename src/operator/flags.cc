#include "operator/flags.h"

#include <CLI/CLI.hpp>

namespace modelrun::op {
namespace {

// Text forms of flags that are more than text.
struct Texts {
  std::string run_server_listen = "0.0.0.0:9443";
  std::string http_listen = "0.0.0.0:8080";
  std::string landlock = "required";
  std::string log_format = "text";
  std::string log_level = "info";
  double lease_seconds = 15;
};

void add_cluster_options(CLI::App& app, Flags& flags, Texts& texts) {
  app.add_option("--kubeconfig", flags.kubeconfig,
                 "kubeconfig file; without it $KUBECONFIG, the pod's service account, ~/.kube/config");
  app.add_option("--context", flags.context, "context of the kubeconfig");
  app.add_option("--namespace", flags.namespace_, "namespace of the operator's own Lease, Secret and Service")
      ->capture_default_str();
  app.add_flag("--leader-elect", flags.leader_elect,
               "compete for the Lease modelrun-operator; needed with more than one replica");
  app.add_option("--lease-duration", texts.lease_seconds,
                 "seconds after which another replica may take over ('s' may follow)")
      ->transform([](std::string text) {
        if (!text.empty() && text.back() == 's') text.pop_back();
        return text;
      })
      ->capture_default_str();
  app.add_option("--workers", flags.workers, "runs that are reconciled at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

void add_run_options(CLI::App& app, Flags& flags, Texts& texts) {
  auto& settings = flags.settings;
  app.add_option("--agent-image", settings.agent_image, "image of the agent container, which holds modelrun-sandbox")
      ->required();
  app.add_option("--default-image", settings.default_image, "image for projects that name none")->required();
  settings.image_pull_policy = "IfNotPresent";
  app.add_option("--image-pull-policy", settings.image_pull_policy,
                 "for both containers, unless the project says otherwise")
      ->check(CLI::IsMember({"Always", "IfNotPresent", "Never"}))
      ->capture_default_str();
  app.add_option("--max-timeout-seconds", settings.max_timeout_seconds, "no model runs longer than this")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_option("--landlock", texts.landlock, "'optional' lets models and git run on kernels without Landlock")
      ->check(CLI::IsMember({"required", "optional"}))
      ->capture_default_str();
}

void add_source_options(CLI::App& app, Flags& flags) {
  app.add_option("--source-cache", flags.source_cache, "directory of the fetched commits")->capture_default_str();
  app.add_flag("--allow-http-git", flags.git.allow_http, "allow http:// repositories (tests, demo)");
  app.add_flag("--allow-file-git", flags.git.allow_file, "allow file:// repositories (tests)");
  app.add_flag("--allow-private-addresses", flags.git.allow_private_addresses,
               "allow git servers on loopback, private and cluster addresses");
}

void add_server_options(CLI::App& app, Flags& flags, Texts& texts) {
  app.add_option("--run-server-listen", texts.run_server_listen, "where the run server listens")->capture_default_str();
  app.add_option("--run-server-service", flags.run_server_service, "Service whose ClusterIP pods are given")
      ->capture_default_str();
  app.add_option("--run-server-advertise", flags.run_server_advertise, "IP:PORT that pods are given instead");
  app.add_option("--http-listen", texts.http_listen, "where /healthz, /readyz and /metrics are served")
      ->capture_default_str();
  app.add_option("--log-format", texts.log_format, "text or json")->capture_default_str();
  app.add_option("--log-level", texts.log_level, "debug, info, warn or error")->capture_default_str();
}

// Fills in what the texts say.
Result<void> take_texts(const Texts& texts, Flags& flags) {
  const auto run_server = parse_endpoint(texts.run_server_listen);
  if (!run_server) return fail_in("--run-server-listen", run_server.error());
  const auto http = parse_endpoint(texts.http_listen);
  if (!http) return fail_in("--http-listen", http.error());
  const auto format = log::parse_format(texts.log_format);
  if (!format) return fail_in("--log-format", format.error());
  const auto level = log::parse_level(texts.log_level);
  if (!level) return fail_in("--log-level", level.error());
  if (texts.lease_seconds < 1 || texts.lease_seconds > 600)
    return fail(ErrorKind::kInvalid, "--lease-duration: 1 to 600 s");
  flags.run_server_listen = *run_server;
  flags.http_listen = *http;
  flags.log_format = *format;
  flags.log_level = *level;
  flags.lease_duration = std::chrono::milliseconds(static_cast<std::int64_t>(texts.lease_seconds * 1000));
  flags.settings.landlock_required = texts.landlock == "required";
  flags.git.landlock_optional = !flags.settings.landlock_required;
  return {};
}

}  // namespace

std::variant<Flags, int> parse_flags(int argc, char** argv) {
  Flags flags;
  Texts texts;
  CLI::App app("Runs models from git as sandboxed Jobs: reconciles ModelRun and ModelProject resources.",
               "modelrun-operator");
  app.set_version_flag("--version", MODELRUN_VERSION);
  add_cluster_options(app, flags, texts);
  add_run_options(app, flags, texts);
  add_source_options(app, flags);
  add_server_options(app, flags, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (auto taken = take_texts(texts, flags); !taken) {
    fmt::print(stderr, "modelrun-operator: {}\n", taken.error().message);
    return 2;
  }
  return flags;
}

}  // namespace modelrun::op
