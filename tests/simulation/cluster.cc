#include "simulation/cluster.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/json_access.h"
#include "api/model_run.h"
#include "api/standby.h"

namespace modelrun::simulation {
namespace {

using api::member;
using std::chrono::milliseconds;
using std::chrono::seconds;
using P = Perturbation;

constexpr const char* kTracking = "batch.kubernetes.io/job-tracking";

bool has_ended(const Json& pod) {
  const auto& phase = status_text(pod, "phase");
  return phase == "Succeeded" || phase == "Failed";
}

bool is_complete(const Json& job) {
  for (const auto& condition : member(member(job, "status"), "conditions")) {
    const auto type = api::text_at(condition, "type");
    if ((type == "Complete" || type == "Failed") && api::text_at(condition, "status") == "True") return true;
  }
  return false;
}

bool is_suspended(const Json& job) {
  return api::bool_at(member(job, "spec"), "suspend");
}

bool is_disrupted(const Json& pod) {
  for (const auto& condition : member(member(pod, "status"), "conditions")) {
    if (api::text_at(condition, "type") == "DisruptionTarget") return true;
  }
  return false;
}

void drop_tracking(Json& pod) {
  auto& finalizers = pod["metadata"]["finalizers"];
  for (auto at = finalizers.begin(); at != finalizers.end();) at = *at == kTracking ? finalizers.erase(at) : at + 1;
}

int attempt_of(const Json& object) {
  int attempt = 0;
  const auto& text = label_text(object, api::kLabelAttempt);
  std::from_chars(text.data(), text.data() + text.size(), attempt);
  return attempt;
}

}  // namespace

Cluster::Cluster(PodParts parts) : parts_(std::move(parts)), sim_(parts_.sim), server_(parts_.server) {
  parts_.plan_of_run = [this](const std::string& key) { return plan_of_run(key); };
}

void Cluster::start() {
  sim_.fibers.spawn(sim_.group, "job controller", [this] { control_jobs(); });
  sim_.fibers.spawn(sim_.group, "queue", [this] { run_queue(); });
  sim_.fibers.spawn(sim_.group, "garbage collector", [this] { collect_garbage(); });
}

// ---- The Job controller ------------------------------------------------------------------------------------------

void Cluster::control_jobs() {
  const auto changes = [this] { return server_.history(Kind::kJobs).size() + server_.history(Kind::kPods).size(); };
  std::size_t seen = 0;
  while (!sim_.over.stop_requested()) {
    sim_.fibers.wait(sim_.fibers.now() + seconds(20), [&] { return changes() != seen; }, sim_.stop());
    if (!sim_.instant && !sim_.pause(sim_.cluster, milliseconds(1), milliseconds(800))) return;
    seen = changes();
    std::vector<Object> jobs;
    for (const auto& [key, job] : server_.all(Kind::kJobs)) jobs.push_back(job);
    for (const auto& job : jobs) control_job(job);
    // Pods whose Job is gone are not tracked any more.
    std::vector<std::string> stray;
    for (const auto& [key, pod] : server_.all(Kind::kPods)) {
      const auto& owner = owner_uid(pod->json);
      const bool tracked = !member(member(pod->json, "metadata"), "finalizers").empty();
      if (tracked && !server_.find_uid(Kind::kJobs, owner)) stray.push_back(key);
    }
    for (const auto& key : stray) server_.change(Kind::kPods, key, "job controller", drop_tracking);
  }
}

void Cluster::control_job(const Object& job) {
  const auto& uid = uid_of(job->json);
  Object pod;
  for (const auto& [key, each] : server_.all(Kind::kPods)) {
    if (owner_uid(each->json) == uid && !member(member(each->json, "metadata"), "finalizers").empty()) pod = each;
  }
  if (!is_complete(job->json) && !is_deleting(job->json)) {
    if (is_suspended(job->json) && !(pod && has_ended(pod->json))) return hold_job(job, pod);
    if (!served_.contains(uid)) return create_pod(job);
    if (!pod) return finish_job(job, nullptr);
    // The pod's end counts when the kubelet has reported it; one that was never scheduled has no kubelet.
    const bool unscheduled = is_deleting(pod->json) && api::text_at(member(pod->json, "spec"), "nodeName").empty();
    if (has_ended(pod->json) || unscheduled) finish_job(job, pod);
    return;
  }
  if (pod && (has_ended(pod->json) || is_deleting(job->json))) {
    server_.change(Kind::kPods, key_of(pod->json), "job controller", drop_tracking, uid_of(pod->json));
  }
}

// Deletes the pod, which does not count as a failure, as its finalizer goes first.
void Cluster::hold_job(const Object& job, const Object& pod) {
  const auto& uid = uid_of(job->json);
  served_.erase(uid);
  if (!pod) return;
  if (const auto truth = pods_.find(uid_of(pod->json)); truth != pods_.end()) truth->second->preempted = true;
  sim_.trace.line("cluster", "pod {}: its Job is suspended", key_of(pod->json));
  server_.change(Kind::kPods, key_of(pod->json), "job controller", drop_tracking, uid_of(pod->json));
  (void)server_.remove(Kind::kPods, key_of(pod->json), "job controller", {.uid = uid_of(pod->json)});
}

// Resumes whatever Job is suspended, after a while.
void Cluster::run_queue() {
  const auto some = [this]() -> Object {
    for (const auto& [key, job] : server_.all(Kind::kJobs)) {
      if (is_suspended(job->json) && !is_deleting(job->json)) return job;
    }
    return nullptr;
  };
  std::size_t seen = 0;
  while (!sim_.over.stop_requested()) {
    sim_.fibers.wait({}, [&] { return server_.history(Kind::kJobs).size() != seen; }, sim_.stop());
    seen = server_.history(Kind::kJobs).size();
    while (some()) {
      const auto most = sim_.calm || sim_.instant ? 1 : 90'000;
      if (!sim_.fibers.sleep(milliseconds(sim_.cluster.between(1, most)), sim_.stop())) return;
      const auto job = some();
      if (!job) break;
      const auto& uid = uid_of(job->json);
      ++resumed_[uid];
      sim_.trace.line("queue", "resumes Job {}", key_of(job->json));
      server_.change(
          Kind::kJobs, key_of(job->json), "queue",
          [&](Json& object) {
            object["spec"]["suspend"] = false;
            if (is_complete(object)) return;
            object["status"]["conditions"] = {{{"type", "Suspended"}, {"status", "False"}}};
          },
          uid);
    }
  }
}

void Cluster::create_pod(const Object& job) {
  const auto& uid = uid_of(job->json);
  // podReplacementPolicy is Failed: the pod of the time before the Job was suspended has to have ended.
  for (const auto& [key, each] : server_.all(Kind::kPods)) {
    if (owner_uid(each->json) == uid && !has_ended(each->json)) return;
  }
  served_.insert(uid);
  const auto& meta = job->json.at("metadata");
  const auto& pattern = member(member(job->json, "spec"), "template");
  Json pod = {{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"metadata", member(pattern, "metadata")},
              {"spec", member(pattern, "spec")},
              {"status", {{"phase", "Pending"}}}};
  auto& of_pod = pod["metadata"];
  of_pod["name"] = meta_text(job->json, "name") + "-" + uid.substr(4, 4);
  if (const auto before = resumed_.find(uid); before != resumed_.end()) {
    of_pod["name"] = fmt::format("{}-{}", of_pod["name"].get<std::string>(), before->second);
  }
  of_pod["namespace"] = meta.at("namespace");
  of_pod["finalizers"] = {kTracking};
  of_pod["labels"]["batch.kubernetes.io/controller-uid"] = uid;
  of_pod["ownerReferences"] = {{{"apiVersion", "batch/v1"},
                                {"kind", "Job"},
                                {"name", meta.at("name")},
                                {"uid", uid},
                                {"controller", true},
                                {"blockOwnerDeletion", true}}};
  if (auto made = server_.create(Kind::kPods, std::move(pod), "job controller"); !made) {
    sim_.trace.line("cluster", "no pod for {}: {}", key_of(job->json), made.error().message);
  }
}

// Sets the Job's condition, then lets the pod go.
void Cluster::finish_job(const Object& job, const Object& pod) {
  const bool complete = pod && status_text(pod->json, "phase") == "Succeeded";
  const bool policy =
      pod && is_disrupted(pod->json) && member(member(job->json, "spec"), "podFailurePolicy").is_object();
  server_.change(
      Kind::kJobs, key_of(job->json), "job controller",
      [&](Json& object) {
        object["status"]["conditions"] = {
            {{"type", complete ? "Complete" : "Failed"},
             {"status", "True"},
             {"reason", complete ? "CompletionsReached"
                        : policy ? "PodFailurePolicy"
                                 : "BackoffLimitExceeded"},
             {"message", policy ? fmt::format("Pod {} has condition DisruptionTarget matching FailJob rule at index 0",
                                              key_of(pod->json))
                                : ""},
             {"lastTransitionTime", format_rfc3339(sim_.wall())}}};
      },
      uid_of(job->json));
  if (pod) server_.change(Kind::kPods, key_of(pod->json), "job controller", drop_tracking, uid_of(pod->json));
}

// ---- The garbage collector ---------------------------------------------------------------------------------------

void Cluster::collect_garbage() {
  const auto changes = [this] {
    return server_.history(Kind::kJobs).size() + server_.history(Kind::kPods).size() +
           server_.history(Kind::kConfigMaps).size() + server_.history(Kind::kRuns).size() +
           server_.history(Kind::kSweeps).size();
  };
  std::size_t seen = 0;
  while (!sim_.over.stop_requested()) {
    sim_.fibers.wait(
        orphans_.empty() ? std::optional<Nanos>() : sim_.fibers.now() + seconds(2), [&] { return changes() != seen; },
        sim_.stop());
    if (!sim_.instant && !sim_.pause(sim_.cluster, milliseconds(5), milliseconds(1500))) return;
    seen = changes();
    collect_once();
  }
}

// Deletes objects none of whose owners exists in their own namespace. An owner in another namespace does not count.
bool Cluster::collect_once() {
  const auto exists = [this](const Json& owner, const std::string& namespace_) {
    const auto uid = api::text_at(owner, "uid");
    for (const Kind kind : {Kind::kRuns, Kind::kJobs, Kind::kProjects, Kind::kSweeps}) {
      const auto found = server_.find_uid(kind, uid);
      if (found && meta_text(found->json, "namespace") == namespace_) return true;
    }
    return false;
  };
  std::vector<std::pair<Kind, Object>> garbage;
  std::map<std::string, Nanos> still;
  for (const Kind kind : {Kind::kRuns, Kind::kJobs, Kind::kPods, Kind::kConfigMaps}) {
    for (const auto& [key, object] : server_.all(kind)) {
      const auto& owners = member(member(object->json, "metadata"), "ownerReferences");
      if (!owners.is_array() || owners.empty() || is_deleting(object->json)) continue;
      const auto& namespace_ = meta_text(object->json, "namespace");
      if (std::ranges::any_of(owners, [&](const auto& owner) { return exists(owner, namespace_); })) continue;
      // The forger's objects are found late: their owner does exist, though elsewhere.
      const auto known = orphans_.find(uid_of(object->json));
      const auto since = known == orphans_.end() ? sim_.fibers.now() : known->second;
      const bool forged = label_text(object->json, "forged") == "true";
      if (forged && sim_.fibers.now() < since + seconds(30)) {
        still[uid_of(object->json)] = since;
        continue;
      }
      garbage.emplace_back(kind, object);
    }
  }
  orphans_ = std::move(still);
  for (const auto& [kind, object] : garbage) {
    (void)server_.remove(kind, key_of(object->json), "garbage collector", {.uid = uid_of(object->json)});
  }
  return !garbage.empty();
}

ModelPlan Cluster::plan_of_run(const std::string& key) const {
  const auto given = plans_.find(key);
  if (given != plans_.end()) return given->second;
  return sim_.instant ? ModelPlan{} : plan_of(sim_.seed, key);
}

// A run has adopted the Job of a standby: its pod is the run's from now on.
void Cluster::note_adoption(const Object& run, const Json& job) {
  for (const auto& [uid, pod] : pods_) {
    if (pod->job_uid != uid_of(job)) continue;
    pod->run_uid = uid_of(run->json);
    pod->run_key = key_of(run->json);
    pod->attempt = attempt_of(job);
    runs_[pod->run_uid].pods.push_back(pod);
  }
}

// ---- What happens to Jobs and pods ---------------------------------------------------------------------------------

void Cluster::on_commit(const Commit& commit) {
  if (commit.kind == Kind::kRuns) note_run(commit);
  if (commit.kind == Kind::kJobs) note_job(commit);
  if (commit.kind == Kind::kPods) note_pod(commit);
}

// What operators do to runs, which they do for sweeps only; and that one of a sweep is deleted.
void Cluster::note_run(const Commit& commit) {
  const auto& json = commit.shown->json;
  const bool of_operator = commit.who.starts_with("operator");
  if (!commit.before && of_operator) {
    auto& run = runs_[uid_of(json)];
    run.key = key_of(json);
    run.sweep = owner_uid(json);
    run.nonsense = sweeps_[run.sweep].nonsense;
    const auto project = server_.find(
        Kind::kProjects, api::object_key(meta_text(json, "namespace"), api::text_at(member(json, "spec"), "project")));
    run.project_missing = !project || is_deleting(project->json);
  }
  const auto known = runs_.find(uid_of(json));
  if (known == runs_.end() || known->second.sweep.empty()) return;
  auto& run = known->second;
  if (of_operator) {
    run.cancelled = run.cancelled || api::bool_at(member(json, "spec"), "cancel");
    run.suspended = run.suspended || api::bool_at(member(json, "spec"), "suspend");
  }
  const bool removed = !commit.after || is_deleting(json);
  run.deleted = run.deleted || removed;
  if (removed) sweeps_[run.sweep].run_deleted = true;
}

void Cluster::note_job(const Commit& commit) {
  const auto& json = commit.shown->json;
  const auto owner = server_.find_uid(Kind::kRuns, owner_uid(json));
  if (!owner || meta_text(owner->json, "namespace") != meta_text(json, "namespace")) return;
  auto& run = runs_[uid_of(owner->json)];
  const bool of_operator = commit.who.starts_with("operator");
  const bool adopts = commit.before && owner_uid(commit.before->json) != uid_of(owner->json);
  if ((!commit.before || adopts) && of_operator) run.jobs[attempt_of(json)].push_back(uid_of(json));
  if (adopts && of_operator) run.adopted.insert(uid_of(json));
  if (adopts) note_adoption(owner, json);
  const bool begins_deletion =
      commit.before && !is_deleting(commit.before->json) && (!commit.after || is_deleting(json));
  if (begins_deletion && !of_operator && commit.who != "garbage collector") run.job_deleted = true;
}

void Cluster::note_pod(const Commit& commit) {
  const auto& json = commit.shown->json;
  if (!commit.before && commit.who == "job controller") {
    const auto job = server_.find_uid(Kind::kJobs, owner_uid(json));
    const auto run = job ? server_.find_uid(Kind::kRuns, owner_uid(job->json)) : nullptr;
    const bool standby = job && !label_text(job->json, api::kLabelStandby).empty();
    if (!standby && (!run || meta_text(run->json, "namespace") != meta_text(json, "namespace"))) return;
    auto truth = std::make_shared<PodTruth>();
    truth->standby = standby;
    if (!standby) {
      truth->run_uid = uid_of(run->json);
      truth->run_key = key_of(run->json);
    }
    truth->job_uid = uid_of(job->json);
    truth->job_key = key_of(job->json);
    truth->pod_uid = uid_of(json);
    truth->pod_key = key_of(json);
    truth->attempt = standby ? 0 : attempt_of(json);
    pods_[truth->pod_uid] = truth;
    const auto plan = standby ? ModelPlan{} : plan_of_run(truth->run_key);
    if (!standby) runs_[truth->run_uid].pods.push_back(truth);
    sim_.fibers.spawn(sim_.group, "pod " + truth->pod_key,
                      [life = std::make_shared<PodLife>(parts_, truth, plan)] { life->live(); });
    return;
  }
  const auto found = pods_.find(uid_of(json));
  if (found == pods_.end()) return;
  if (is_deleting(json) || !commit.after) found->second->deleted = true;
  if (!commit.after) found->second->gone = true;
}

}  // namespace modelrun::simulation
