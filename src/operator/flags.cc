#include "operator/flags.h"

#include <CLI/CLI.hpp>

#include "api/pod_metadata.h"

namespace modelrun::op {
namespace {

// Flags that CLI11 stores as given; take_texts() checks them and converts them into Flags.
struct Texts {
  std::string run_server_listen = "0.0.0.0:9443";
  std::string landlock = "required";
  std::string image_volumes = "auto";
  std::vector<std::string> rings;
  std::vector<std::string> propagated_labels;
  traces::TraceFlags traces;
  cloudevents::EventFlags events;
  double lease_seconds = 15;
};

void add_cluster_options(CLI::App& app, Flags& flags, Texts& texts) {
  runtime::add_cluster_flags(app, flags);
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
  app.add_option(
         "--image-volumes", texts.image_volumes,
         "whether pods get the sandbox by a volume of the agent's image: 'auto' where Kubernetes is 1.36 or newer, for "
         "pods without a RuntimeClass, until a node turns out to have no image volumes; 'never' has each agent install "
         "it, which works everywhere; 'always' fails runs on nodes without image volumes")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("--max-timeout-seconds", settings.max_timeout_seconds, "no model runs longer than this")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_option("--max-standbys", settings.max_standbys,
                 "sandboxes that stand ready, of all projects together; one namespace has half of them at most")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  app.add_option("--propagate-labels", texts.propagated_labels,
                 "labels of a ModelRun that its Job and pod get too, such as team,kueue.x-k8s.io/queue-name; none")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--landlock", texts.landlock, "'optional' lets all models, and git, run on kernels without Landlock")
      ->check(CLI::IsMember({"required", "optional"}))
      ->capture_default_str();
  app.add_option(
         "--rings", texts.rings,
         "RUNTIMECLASS=landlock:optional lets models under that RuntimeClass run without Landlock, which gVisor "
         "has not; repeat it for others")
      ->allow_extra_args(false);
}

void add_source_options(CLI::App& app, Flags& flags) {
  app.add_option("--source-cache", flags.source_cache, "directory of the fetched commits")->capture_default_str();
  app.add_option("--source-socket", flags.source_socket,
                 "Unix socket of modelrun-source, the program that runs git; start it with the same --socket")
      ->capture_default_str();
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
}

// Converts `texts` into members of `flags`.
Result<void> take_texts(const Texts& texts, Flags& flags) {
  const auto run_server = parse_endpoint(texts.run_server_listen);
  if (!run_server) return fail_in("--run-server-listen", run_server.error());
  if (texts.lease_seconds < 1 || texts.lease_seconds > 600)
    return fail(ErrorKind::kInvalid, "--lease-duration: 1 to 600 s");
  flags.run_server_listen = *run_server;
  flags.lease_duration = std::chrono::milliseconds(static_cast<std::int64_t>(texts.lease_seconds * 1000));
  for (const std::string& text : texts.rings) {
    const std::size_t mark = text.find('=');
    if (mark == std::string::npos || mark == 0 || text.substr(mark + 1) != "landlock:optional") {
      return fail(ErrorKind::kInvalid, "--rings: '{}' is not RUNTIMECLASS=landlock:optional", text);
    }
    flags.settings.runtimes_without_landlock.insert(text.substr(0, mark));
  }
  for (const std::string& key : texts.propagated_labels) {
    if (!api::is_open_label(key)) {
      return fail(
          ErrorKind::kInvalid,
          "--propagate-labels: '{}' is a label that the operator or Kubernetes relies on; name labels of your own",
          key);
    }
    flags.settings.propagated_labels.insert(key);
  }
  flags.settings.image_volumes = texts.image_volumes == "always"  ? controller::ImageVolumes::kAlways
                                 : texts.image_volumes == "never" ? controller::ImageVolumes::kNever
                                                                  : controller::ImageVolumes::kAuto;
  flags.settings.landlock_required = texts.landlock == "required";
  flags.git.landlock_optional = !flags.settings.landlock_required;
  auto settings = traces::read_settings(texts.traces, traces::process_environment);
  RETURN_IF_ERROR(settings);
  flags.traces = std::move(*settings);
  auto events = cloudevents::read_settings(texts.events);
  RETURN_IF_ERROR(events);
  flags.events = std::move(*events);
  if (flags.events) flags.settings.end_events = {flags.events->source, flags.events->give_up};
  return {};
}

}  // namespace

std::variant<Flags, int> parse_flags(int argc, char** argv) {
  Flags flags;
  flags.http_listen = {"0.0.0.0", 8080};
  Texts texts;
  CLI::App app("Runs models from git as sandboxed Jobs: reconciles ModelRun and ModelProject resources.",
               "modelrun-operator");
  app.set_version_flag("--version", MODELRUN_VERSION);
  add_cluster_options(app, flags, texts);
  add_run_options(app, flags, texts);
  add_source_options(app, flags);
  add_server_options(app, flags, texts);
  traces::add_trace_flags(app, texts.traces);
  cloudevents::add_event_flags(app, texts.events);
  runtime::add_process_flags(app, flags);
  const auto left = runtime::parse_command_line(app, argc, argv, flags, [&] { return take_texts(texts, flags); });
  if (left) return *left;
  return flags;
}

}  // namespace modelrun::op
