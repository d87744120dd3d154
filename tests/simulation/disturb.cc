// Those who disturb pods and Jobs from outside, and the tenant who forges them.
#include <algorithm>
#include <utility>

#include "api/json_access.h"
#include "api/model_run.h"
#include "simulation/cluster.h"

namespace modelrun::simulation {

using api::member;
using P = Perturbation;

const Json& Cluster::forged_outputs() {
  static const Json kForged = {{"forged", true}};
  return kForged;
}

bool Cluster::suspend_some_job() {
  std::vector<Object> jobs;
  for (const auto& [key, job] : server_.all(Kind::kJobs)) {
    const bool forged = label_text(job->json, "forged") == "true";
    if (!forged && !is_deleting(job->json) && !api::bool_at(member(job->json, "spec"), "suspend")) jobs.push_back(job);
  }
  if (jobs.empty()) return false;
  const auto& job = jobs[sim_.cluster.below(jobs.size())];
  sim_.trace.line("queue", "suspends Job {}", key_of(job->json));
  server_.change(
      Kind::kJobs, key_of(job->json), "queue", [](Json& object) { object["spec"]["suspend"] = true; },
      uid_of(job->json));
  return true;
}

bool Cluster::disturb(Perturbation perturbation) {
  if (perturbation == P::kJobSuspended) return suspend_some_job();
  std::vector<PodTruthPtr> alive;
  for (const auto& [uid, pod] : pods_) {
    const auto object = server_.find(Kind::kPods, pod->pod_key);
    if (!object || uid_of(object->json) != uid) continue;
    const auto& phase = status_text(object->json, "phase");
    const bool on_node = !api::text_at(member(object->json, "spec"), "nodeName").empty();
    const bool active = phase == "Pending" || phase == "Running";
    if (perturbation == P::kPodDeleted ? !pod->deleted : active && on_node && pod->undisturbed()) alive.push_back(pod);
  }
  if (alive.empty()) return false;
  const auto pod = alive[sim_.cluster.below(alive.size())];
  sim_.trace.line("cluster", "pod {}: {}", pod->pod_key, info_of(perturbation).what);
  switch (perturbation) {
    case P::kEvicted:
      pod->evicted = true;
      return true;
    case P::kAgentKilled:
      pod->agent_killed = true;
      return true;
    case P::kModelOutOfMemory:
      if (!pod->granted || pod->frame) return false;
      pod->out_of_memory = true;
      return true;
    case P::kNodeLost:
      pod->lost = true;
      return true;
    case P::kDrained:
      pod->drained = true;
      server_.change(Kind::kPods, pod->pod_key, "drain", [this](Json& object) {
        object["status"]["conditions"].push_back({{"type", "DisruptionTarget"},
                                                  {"status", "True"},
                                                  {"reason", "EvictionByEvictionAPI"},
                                                  {"lastTransitionTime", format_rfc3339(sim_.wall())}});
      });
      (void)server_.remove(Kind::kPods, pod->pod_key, "drain", {.uid = pod->pod_uid});
      return true;
    default:
      (void)server_.remove(Kind::kPods, pod->pod_key, "person", {.uid = pod->pod_uid});
      return true;
  }
}

bool Cluster::forge(Random& random) {
  std::vector<Object> victims;
  for (const auto& [key, run] : server_.all(Kind::kRuns)) {
    if (!status_text(run->json, "jobName").empty() && meta_text(run->json, "namespace") != "forger") {
      victims.push_back(run);
    }
  }
  if (victims.empty()) return false;
  const auto& victim = victims[random.below(victims.size())]->json;
  const auto& uid = uid_of(victim);
  const auto& job_name = status_text(victim, "jobName");
  const auto attempt = std::to_string(api::int_at(member(victim, "status"), "attempts").value_or(1));
  sim_.trace.line("forger", "forges a result for {}", key_of(victim));
  const Json labels = {{api::kLabelRunUid, uid},
                       {api::kLabelAttempt, attempt},
                       {api::kLabelManagedBy, api::kManagedByOperator},
                       {"forged", "true"}};
  const Json meta = {
      {"namespace", "forger"}, {"labels", labels}, {"annotations", {{api::kAnnotationRun, meta_text(victim, "name")}}}};
  Json job = {{"kind", "Job"}, {"metadata", meta}, {"spec", Json::object()}};
  job["metadata"]["name"] = job_name;
  job["metadata"]["ownerReferences"] = {
      {{"kind", "ModelRun"}, {"name", meta_text(victim, "name")}, {"uid", uid}, {"controller", true}}};
  const auto made = server_.create(Kind::kJobs, job, "forger");
  if (!made) return false;
  served_.insert(uid_of((*made)->json));  // no pod of its own
  api::ResultFrame frame;
  frame.run_uid = uid;
  frame.attempt = std::stoi(attempt);
  frame.exit.how = api::ExitHow::kExited;
  frame.exit.code = 0;
  frame.outputs = forged_outputs();
  const auto now = format_rfc3339(sim_.wall());
  const auto ended = [&](const char* name, const std::string& message) {
    return Json{{"name", name},
                {"state", {{"terminated", {{"exitCode", 0}, {"finishedAt", now}, {"message", message}}}}}};
  };
  Json pod = {{"kind", "Pod"}, {"metadata", meta}, {"spec", {{"nodeName", "node-1"}}}};
  pod["metadata"]["name"] = job_name + "-forged";
  pod["metadata"]["ownerReferences"] = {
      {{"kind", "Job"}, {"name", job_name}, {"uid", uid_of((*made)->json)}, {"controller", true}}};
  pod["status"] = {
      {"phase", "Succeeded"},
      {"containerStatuses", {ended("agent", api::frame_to_termination_message(frame)), ended("model", "")}}};
  return server_.create(Kind::kPods, std::move(pod), "forger").has_value();
}

}  // namespace modelrun::simulation
