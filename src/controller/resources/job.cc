#include "controller/resources/job.h"

#include <fmt/ranges.h>

#include <charconv>
#include <map>
#include <optional>

#include "api/pod_metadata.h"
#include "api/points.h"
#include "api/sandbox.h"
#include "api/standby.h"
#include "api/strict_json.h"
#include "base/encoding.h"
#include "controller/resources/owner.h"
#include "controller/run/limits.h"
#include "controller/run/reuse.h"

namespace modelrun::controller {
namespace {

using api::Scope;
using nlohmann::json;

// Space on the node's disk. A pod that uses more than its containers' limits together is evicted. The agent's is for
// the two volumes that are no memory (see volumes()) and its log; the model's is for its log, the root being read-only.
constexpr std::string_view kStorageRequest = "1Mi";
constexpr std::string_view kAgentStorage = "1280Mi";
constexpr std::string_view kModelStorage = "64Mi";

constexpr std::int64_t kGraceSeconds = 30;  // for the agent to collect and push when the pod is deleted

// What the pod of a run and the pod of a standby are built from.
struct PodInput {
  const api::ModelProject& project;
  const Settings& settings;
  std::string namespace_;
  std::string user_key;  // which its user ID is a hash of
  std::string image;     // of the model's container
  json agent_env;        // what differs
  json model_env;        // what differs
  std::string entry_point;
  std::int64_t deadline_seconds;
  bool upstream;           // has kUpstreamDir
  bool inputs;             // has kInputsDir
  std::string inputs_map;  // the ConfigMap that is mounted there; empty: the agent writes the file
  bool mounted;            // kAgentDir is a volume of the agent's image
};

json env_entry(std::string_view name, std::string value) {
  return {{"name", name}, {"value", std::move(value)}};
}

json mount(std::string_view volume, std::string_view path, bool read_only) {
  json entry = {{"name", volume}, {"mountPath", path}};
  if (read_only) entry["readOnly"] = true;
  return entry;
}

json container_security() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"runAsNonRoot", true},
          {"capabilities", {{"drop", {"ALL"}}}}};
}

json agent_env(const PodInput& in) {
  const auto& settings = in.settings;
  const auto& limits = in.project.limits;
  json env = {env_entry(api::kEnvRunServer, settings.run_server_address),
              env_entry(api::kEnvRunServerName, settings.run_server_name),
              env_entry(api::kEnvRunServerCa, settings.run_server_ca), env_entry(api::kEnvNamespace, in.namespace_),
              // Longer than the operator waits, so that the agent does not give up first.
              env_entry(api::kEnvConnectSeconds, std::to_string(limits.pending_seconds + 60)),
              env_entry(api::kEnvStdoutBytes, std::to_string(limits.stdout_bytes)),
              env_entry(api::kEnvOutputBytes, std::to_string(limits.output_bytes)),
              env_entry(api::kEnvArtifactBytes, std::to_string(limits.artifact_bytes))};
  if (in.mounted) env.push_back(env_entry(api::kEnvAgentSocket, std::string(api::kAgentSocket)));
  env.insert(env.end(), in.agent_env.begin(), in.agent_env.end());
  return env;
}

json agent_mounts(const PodInput& in) {
  json mounts = {mount("repo", api::kRepoDir, false), mount("outputs", api::kOutputsDir, true),
                 mount("token", "/var/run/secrets/modelrun.dev", true)};
  if (!in.mounted) mounts.push_back(mount(api::kFilesVolume, api::kAgentDir, false));
  if (in.inputs && in.inputs_map.empty()) mounts.push_back(mount("inputs", api::kInputsDir, false));
  return mounts;
}

json agent_container(const PodInput& in) {
  json container = {{"name", api::kAgentContainer},
                    {"image", in.settings.agent_image},
                    {"imagePullPolicy", in.settings.image_pull_policy},
                    {"command", {api::kAgentBinary, "agent"}},
                    {"env", agent_env(in)},
                    {"resources",
                     {{"requests", {{"cpu", "10m"}, {"memory", "16Mi"}, {"ephemeral-storage", kStorageRequest}}},
                      {"limits", {{"cpu", "1"}, {"memory", "192Mi"}, {"ephemeral-storage", kAgentStorage}}}}},
                    {"securityContext", container_security()},
                    {"volumeMounts", agent_mounts(in)}};
  // The kubelet starts the model's container only after this hook has returned. The hook waits until the sandbox binary
  // is in the shared volume.
  const json hook = {{"exec", {{"command", {api::kAgentBinary, "await-installed"}}}}};
  if (!in.mounted) container["lifecycle"] = {{"postStart", hook}};
  return container;
}

bool requires_landlock(const PodInput& in) {
  const auto& runtime_class = in.project.runtime.runtime_class_name;
  return in.settings.landlock_required &&
         (runtime_class.empty() || !in.settings.runtimes_without_landlock.contains(runtime_class));
}

json model_env(const PodInput& in) {
  json env = in.project.runtime.env;
  env.push_back(env_entry(api::kEnvLandlock, requires_landlock(in) ? "required" : "optional"));
  if (in.mounted) env.push_back(env_entry(api::kEnvAgentSocket, std::string(api::kAgentSocket)));
  env.insert(env.end(), in.model_env.begin(), in.model_env.end());
  return env;
}

// The project's command with $(ENTRYPOINT) replaced, or the Python harness if the project names no command.
json model_command(const PodInput& in) {
  json command = {api::kInstalledBinary, "exec", "--"};
  if (in.project.runtime.command.empty()) {
    for (const auto word : {std::string_view("python3"), std::string_view("-I"), std::string_view("-B"),
                            std::string_view("-u"), api::kHarness}) {
      command.push_back(word);
    }
    return command;
  }
  constexpr std::string_view kPlaceholder = "$(ENTRYPOINT)";
  for (std::string word : in.project.runtime.command) {
    if (const auto at = word.find(kPlaceholder); at != std::string::npos) {
      word.replace(at, kPlaceholder.size(), in.entry_point);
    }
    command.push_back(word);
  }
  return command;
}

// The value of a Kubernetes quantity. nullopt for text that is not a quantity; the CRD does not admit any.
std::optional<double> amount(const json& quantity) {
  if (quantity.is_number()) return quantity.get<double>();
  if (!quantity.is_string()) return std::nullopt;
  const auto& text = quantity.get_ref<const std::string&>();
  double value = 0;
  const auto* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc()) return std::nullopt;
  static const std::map<std::string_view, double> kSuffixes = {
      {"", 1},        {"n", 1e-9},    {"u", 1e-6},    {"m", 1e-3},   {"k", 1e3},     {"M", 1e6},
      {"G", 1e9},     {"T", 1e12},    {"P", 1e15},    {"E", 1e18},   {"Ki", 0x1p10}, {"Mi", 0x1p20},
      {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60}};
  const auto suffix = kSuffixes.find(std::string_view(end, last));
  return suffix == kSuffixes.end() ? std::nullopt : std::optional(value * suffix->second);
}

// True also if one of the two is not a quantity.
bool is_larger(const json& one, const json& other) {
  const auto a = amount(one), b = amount(other);
  return !a || !b || *a > *b;
}

// The requests and limits of the model's container: the project's, and for what it does not name defaults that fit on
// a small node. The API server refuses a request above its limit, so a default is adjusted to the value that the
// project names.
json model_resources(const api::RuntimeSpec& runtime) {
  json resources = {{"requests", {{"cpu", "50m"}, {"memory", "64Mi"}, {"ephemeral-storage", kStorageRequest}}},
                    {"limits", {{"cpu", "1"}, {"memory", "1Gi"}, {"ephemeral-storage", kModelStorage}}}};
  resources.merge_patch(runtime.resources);
  const auto named = [&](const char* kind) { return runtime.resources.value(kind, json::object()); };
  const json asked = named("requests"), capped = named("limits");
  json& requests = resources["requests"];
  json& limits = resources["limits"];
  for (const auto& [name, request] : asked.items()) {
    if (capped.contains(name)) continue;
    if (!limits.contains(name) || is_larger(request, limits[name])) limits[name] = request;
  }
  for (const auto& [name, limit] : capped.items()) {
    if (asked.contains(name)) continue;
    if (!requests.contains(name) || is_larger(requests[name], limit)) requests[name] = limit;
  }
  return resources;
}

bool has_data(const api::DataSpec& data) {
  return !data.claim_name.empty() || !data.config_map.empty();
}

json model_mounts(const PodInput& in) {
  json mounts = {mount(api::kFilesVolume, api::kAgentDir, true), mount("repo", api::kRepoDir, true),
                 mount("outputs", api::kOutputsDir, false), mount("tmp", api::kTmpDir, false)};
  if (in.upstream) mounts.push_back(mount("upstream", api::kUpstreamDir, false));
  if (in.inputs) mounts.push_back(mount("inputs", api::kInputsDir, true));
  if (has_data(in.project.data)) mounts.push_back(mount("data", api::kDataDir, true));
  return mounts;
}

json model_container(const PodInput& in) {
  const auto& runtime = in.project.runtime;
  return {{"name", api::kModelContainer},
          {"image", in.image},
          {"imagePullPolicy",
           runtime.image_pull_policy.empty() ? in.settings.image_pull_policy : runtime.image_pull_policy},
          {"command", model_command(in)},
          {"env", model_env(in)},
          {"workingDir", api::kRepoDir},
          {"resources", model_resources(runtime)},
          {"securityContext", container_security()},
          {"volumeMounts", model_mounts(in)}};
}

json memory_volume(std::string_view name, std::string_view size) {
  return {{"name", name}, {"emptyDir", {{"medium", "Memory"}, {"sizeLimit", size}}}};
}

json token_volume() {
  return {{"name", "token"},
          {"projected",
           {{"sources",
             {{{"serviceAccountToken",
                {{"audience", api::kTokenAudience}, {"expirationSeconds", 600}, {"path", "token"}}}}}}}}};
}

// The sandbox's program and the harness.
json files_volume(const PodInput& in) {
  if (!in.mounted) return {{"name", api::kFilesVolume}, {"emptyDir", {{"sizeLimit", "64Mi"}}}};
  return {{"name", api::kFilesVolume},
          {"image", {{"reference", in.settings.agent_image}, {"pullPolicy", in.settings.image_pull_policy}}}};
}

json volumes(const PodInput& in) {
  json all = {files_volume(in),
              {{"name", "repo"}, {"emptyDir", {{"sizeLimit", "1Gi"}}}},
              memory_volume("outputs", "64Mi"),
              memory_volume("tmp", "64Mi"),
              token_volume()};
  if (in.upstream) all.push_back(memory_volume("upstream", "64Mi"));
  if (in.inputs && in.inputs_map.empty()) {
    all.push_back(memory_volume("inputs", "1Mi"));
  } else if (in.inputs) {
    all.push_back({{"name", "inputs"}, {"configMap", {{"name", in.inputs_map}}}});
  }
  const auto& data = in.project.data;
  if (!data.claim_name.empty()) {
    all.push_back({{"name", "data"}, {"persistentVolumeClaim", {{"claimName", data.claim_name}, {"readOnly", true}}}});
  } else if (!data.config_map.empty()) {
    all.push_back({{"name", "data"}, {"configMap", {{"name", data.config_map}}}});
  }
  return all;
}

json toleration(std::string_view key) {
  return {{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", 60}};
}

void put_placement(json& spec, const api::RuntimeSpec& runtime) {
  spec["tolerations"] = runtime.tolerations;
  spec["tolerations"].push_back(toleration("node.kubernetes.io/not-ready"));
  spec["tolerations"].push_back(toleration("node.kubernetes.io/unreachable"));
  if (!runtime.node_selector.empty()) spec["nodeSelector"] = runtime.node_selector;
  if (!runtime.image_pull_secrets.empty()) spec["imagePullSecrets"] = runtime.image_pull_secrets;
  if (!runtime.runtime_class_name.empty()) spec["runtimeClassName"] = runtime.runtime_class_name;
  if (!runtime.priority_class_name.empty()) spec["priorityClassName"] = runtime.priority_class_name;
  if (runtime.host_users) spec["hostUsers"] = *runtime.host_users;
}

json pod_spec(const PodInput& in) {
  const bool own_users = !in.project.runtime.host_users.value_or(true);
  const auto user = own_users ? namespaced_user_id(in.user_key) : run_user_id(in.user_key);
  json spec = {{"restartPolicy", "Never"},
               {"activeDeadlineSeconds", in.deadline_seconds},
               {"terminationGracePeriodSeconds", kGraceSeconds},
               {"automountServiceAccountToken", false},
               {"enableServiceLinks", false},
               {"securityContext",
                {{"runAsNonRoot", true},
                 {"runAsUser", user},
                 {"runAsGroup", user},
                 {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
               // The order matters: the kubelet starts containers one after the other.
               {"containers", {agent_container(in), model_container(in)}},
               {"volumes", volumes(in)}};
  put_placement(spec, in.project.runtime);
  return spec;
}

// Those of the project, and the operator's own, which win.
json labels_of(const api::ModelProject& project, const json& own) {
  json labels = json::object();
  for (const auto& [key, value] : project.runtime.pod_labels) {
    if (api::is_open_label(key)) labels[key] = value;
  }
  labels.update(own);
  return labels;
}

json annotations_of(const api::ModelProject& project, const json& own) {
  json annotations = json::object();
  for (const auto& [key, value] : project.runtime.pod_annotations) {
    if (api::is_open_annotation(key)) annotations[key] = value;
  }
  annotations["kubectl.kubernetes.io/default-container"] = api::kModelContainer;
  annotations.update(own);
  return annotations;
}

// FNV-1a, because std::hash does not promise equal results across builds and processes.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  return hash;
}

json job_of(const PodInput& pod, const std::string& name, const json& owners, const json& labels,
            const json& annotations) {
  return {
      {"apiVersion", "batch/v1"},
      {"kind", "Job"},
      {"metadata",
       {{"name", name},
        {"namespace", pod.namespace_},
        {"labels", labels},
        {"annotations", annotations},
        {"ownerReferences", owners}}},
      {"spec",
       {{"backoffLimit", 0},
        {"completions", 1},
        {"parallelism", 1},
        {"podReplacementPolicy", "Failed"},
        // Makes the Job keep the fact that its Pod was evicted or lost with its node: the Pod may be gone before the
        // operator has seen it.
        {"podFailurePolicy",
         {{"rules",
           {{{"action", "FailJob"}, {"onPodConditions", {{{"type", "DisruptionTarget"}, {"status", "True"}}}}}}}}},
        {"template", {{"metadata", {{"labels", labels}, {"annotations", annotations}}}, {"spec", pod_spec(pod)}}}}}};
}

// What `exec` does before it has work. `otherwise`: what is preloaded if the project's spec.warm does not say it.
void add_preparation(json& variables, const api::ModelProject& project, std::string_view otherwise) {
  const bool harness = project.runtime.command.empty();
  variables.push_back(env_entry(api::kEnvPrepare, std::string(harness ? api::kPrepareHarness : api::kPrepareNothing)));
  if (!harness) return;
  const auto& preload = project.warm.preload;
  variables.push_back(
      env_entry(api::kEnvPreload, preload ? fmt::format("{}", fmt::join(*preload, ",")) : std::string(otherwise)));
}

}  // namespace

std::int64_t run_user_id(const std::string& run_uid) {
  return 1'000'000 + static_cast<std::int64_t>(hash_of(run_uid) % 1'000'000'000ULL);
}

std::int64_t namespaced_user_id(const std::string& run_uid) {
  return 10'000 + static_cast<std::int64_t>(hash_of(run_uid) % 50'000ULL);
}

json build_job(const JobInput& in) {
  const auto& run = in.run;
  const auto timeout = timeout_seconds(run.spec, in.project.limits, in.settings);
  json variables = {env_entry(api::kEnvTimeout, std::to_string(timeout))};
  for (auto& [name, value] : api::run_environment(run)) variables.push_back(env_entry(name, std::move(value)));
  json agent_variables = {env_entry(api::kEnvRunName, run.meta.name), env_entry(api::kEnvRunId, run.meta.uid),
                          env_entry(api::kEnvAttempt, std::to_string(run.status.attempts))};
  const bool points = run.spec.points.has_value();
  if (points) {
    // The harness imports what the entry point does. Each library more is time before the first point, and memory whose
    // tables are copied for every point.
    add_preparation(variables, in.project, "");
    variables.push_back(env_entry(api::kEnvPoints, "1"));
    agent_variables.push_back(env_entry(api::kEnvPoints, "1"));
  }
  const PodInput pod{
      .project = in.project,
      .settings = in.settings,
      .namespace_ = run.meta.namespace_,
      .user_key = run.meta.uid,
      .image = run.status.provenance.image,
      .agent_env = std::move(agent_variables),
      .model_env = std::move(variables),
      .entry_point = run.spec.entry_point(),
      .deadline_seconds = active_deadline_seconds(in.project.limits.pending_seconds, timeout),
      .upstream = run.spec.scope == Scope::kProject,
      .inputs = points || run.spec.parameters.has_value(),
      .inputs_map = points ? "" : run.status.job_name,  // the agent writes the parameters of each point
      .mounted = in.mounted,
  };
  json own = {{api::kLabelRunUid, run.meta.uid},
              {api::kLabelProject, run.spec.project},
              {api::kLabelAttempt, std::to_string(run.status.attempts)},
              {api::kLabelManagedBy, api::kManagedByOperator}};
  for (const auto& key : in.settings.propagated_labels) {
    if (const auto found = run.labels.find(key); found != run.labels.end()) own.emplace(key, found->second);
  }
  const json labels = labels_of(in.project, own);
  // The run's name is an annotation, because it may be longer than the value of a label may be.
  const json annotations = annotations_of(in.project, {{api::kAnnotationRun, run.meta.name}});
  json job = job_of(pod, run.status.job_name, owned_by(api::kApiVersion, "ModelRun", run.meta), labels, annotations);
  if (run.status.job_suspended) job["spec"]["suspend"] = true;
  return job;
}

json build_standby(const StandbyInput& in) {
  const auto& project = in.project;
  json variables = json::array();
  add_preparation(variables, project, api::kPreloadDefault);
  const PodInput pod{
      .project = project,
      .settings = in.settings,
      .namespace_ = project.meta.namespace_,
      .user_key = in.name,
      .image = image_of(project, in.settings),
      .agent_env = {env_entry(api::kEnvStandby, in.name)},
      .model_env = std::move(variables),
      // Kubernetes takes $$(X) for the text $(X), which `exec` replaces when there is a run.
      .entry_point = "$$(ENTRYPOINT)",
      // Of a run that adopts the standby when it is as old as it may be, and takes as long as any may.
      .deadline_seconds = project.warm.max_age_seconds +
                          active_deadline_seconds(project.limits.pending_seconds, in.settings.max_timeout_seconds),
      .upstream = true,
      .inputs = true,
      .inputs_map = "",
      .mounted = in.mounted,
  };
  const json labels = labels_of(project, {{api::kLabelStandby, in.digest},
                                          {api::kLabelProject, project.meta.name},
                                          {api::kLabelManagedBy, api::kManagedByOperator}});
  const json annotations = annotations_of(project, json::object());
  json job = job_of(pod, in.name, owned_by(api::kApiVersion, "ModelProject", project.meta), labels, annotations);
  // NetworkPolicies select pods by this label. The Job has it once it is a run's.
  job["spec"]["template"]["metadata"]["labels"][std::string(api::kLabelRunUid)] = api::kRunUidOfStandby;
  return job;
}

std::string standby_digest(const api::ModelProject& project, const Settings& settings, bool mounted,
                           const std::map<std::string, std::string>& versions) {
  const auto job = build_standby({project, settings, "", "", mounted});
  return sha256_hex(api::canonical_json(json{{"spec", job.at("spec")}, {"versions", versions}})).substr(0, 32);
}

json build_adoption(const api::ModelRun& run, std::int64_t attempt, const api::ObjectMeta& job) {
  json metadata = {{"uid", job.uid},
                   {"labels", {{api::kLabelRunUid, run.meta.uid}, {api::kLabelAttempt, std::to_string(attempt)}}},
                   {"annotations", {{api::kAnnotationRun, run.meta.name}}},
                   {"ownerReferences", owned_by(api::kApiVersion, "ModelRun", run.meta)}};
  // Refused if anybody has changed the Job since it was read.
  metadata["resourceVersion"] = std::to_string(job.resource_version);
  return {{"metadata", std::move(metadata)}};
}

}  // namespace modelrun::controller
