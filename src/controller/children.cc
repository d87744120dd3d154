#include "controller/children.h"

#include <charconv>

#include "api/json_access.h"
#include "base/log.h"
#include "controller/resources/config_map.h"
#include "controller/resources/job.h"
#include "controller/resources/network_policy.h"
#include "controller/run/image_volume.h"

namespace modelrun::controller {
namespace {

using nlohmann::json;

int port_of(const std::string& address) {
  int port = 0;
  const auto colon = address.rfind(':') + 1;
  std::from_chars(address.data() + colon, address.data() + address.size(), port);
  return port;
}

// Creates `object`, or returns the object that exists under its name, whoever it belongs to.
Result<json> create_or_get(const Context& context, const kube::Resource& resource, const json& object,
                           std::stop_token stop) {
  auto made = context.client.create(resource, object, stop);
  if (made || made.error().kind != ErrorKind::kExists) return made;
  const auto& metadata = object.at("metadata");
  return context.client.get(resource, metadata.at("namespace").get<std::string>(),
                            metadata.at("name").get<std::string>(), stop);
}

// Returns false if the Job's name is taken by a Job that the run does not own.
Result<bool> create_objects(const Context& context, const api::ModelRun& run, const api::ModelProject& project,
                            const std::stop_token& stop) {
  RETURN_IF_ERROR(ensure_network_policy(context, run.meta.namespace_, stop));
  const bool mounted =
      mounts_image(context.settings, project.runtime, context.image_volumes.usable(), run.status.attempts);
  const auto job = create_or_get(context, kube::kJobs, build_job({run, project, context.settings, mounted}), stop);
  RETURN_IF_ERROR(job);
  auto view = api::decode_job(*job);
  if (!api::is_owned_by(view.meta, run.meta)) return false;
  const auto owner = view.meta;
  context.caches.jobs.put(std::move(view));
  context.inbox.set_job_seen(run.meta.uid, static_cast<int>(run.status.attempts), owner.uid);
  if (run.spec.parameters) {
    RETURN_IF_ERROR(create_config_map(context, build_parameters(run, owner.uid), owner, "run", stop));
  }
  return true;
}

}  // namespace

Result<void> ensure_network_policy(const Context& context, const std::string& namespace_, std::stop_token stop) {
  auto wanted = build_network_policy(namespace_, port_of(context.settings.run_server_address));
  const auto found = context.client.get(kube::kNetworkPolicies, namespace_, kNetworkPolicyName, stop);
  if (found && found->at("spec") == wanted.at("spec")) return {};
  if (!found && found.error().kind != ErrorKind::kNotFound) return fail_in("network policy", found.error());
  if (found) wanted["metadata"]["resourceVersion"] = found->at("metadata").at("resourceVersion");
  const auto made = found ? context.client.replace(kube::kNetworkPolicies, wanted, stop)
                          : context.client.create(kube::kNetworkPolicies, wanted, stop);
  if (!made && made.error().kind != ErrorKind::kExists) return fail_in("network policy", made.error());
  return {};
}

Result<json> create_config_map(const Context& context, const json& wanted, const api::ObjectMeta& owner,
                               std::string_view whose, std::stop_token stop) {
  auto made = create_or_get(context, kube::kConfigMaps, wanted, std::move(stop));
  if (!made || api::is_owned_by(api::decode_meta(*made), owner)) return made;
  return fail(ErrorKind::kInvalid, "ConfigMap {} exists and is not this {}'s; delete it",
              wanted.at("metadata").at("name").get<std::string>(), whose);
}

Result<void> create_part(const Context& context, const json& wanted, const api::ObjectMeta& owner,
                         std::string_view whose, std::stop_token stop) {
  const auto made = create_config_map(context, wanted, owner, whose, std::move(stop));
  RETURN_IF_ERROR(made);
  if (made->value("binaryData", json()) == wanted.at("binaryData")) return {};
  return fail(ErrorKind::kInvalid, "ConfigMap {} has another content than this {} gave it; delete it",
              wanted.at("metadata").at("name").get<std::string>(), whose);
}

Result<void> create_job(const Context& context, const api::ModelRun& run, const api::ModelProject& project,
                        std::stop_token stop) {
  const auto attempt = static_cast<int>(run.status.attempts);
  const auto made = create_objects(context, run, project, stop);
  if (made) {
    context.inbox.set_job(run.meta.uid, attempt, /*foreign=*/!*made);
    return {};
  }
  if (made.error().kind == ErrorKind::kCancelled) return std::unexpected(made.error());
  // Whatever it is, the run's status reports it, and limits.pendingSeconds bounds it.
  log::warn("an object of a run cannot be made", {{"run", run.meta.key()}, {"error", made.error().message}});
  context.inbox.job_failed(run.meta.uid, attempt, made.error().message);
  return {};
}

}  // namespace modelrun::controller
