#include "simulation/people.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/json_access.h"
#include "api/model_run.h"

namespace modelrun::simulation {
namespace {

using api::member;
using std::chrono::milliseconds;
using std::chrono::seconds;
using P = Perturbation;

constexpr const char* kHold = "example.com/hold";
// By a stream of its own, for the reason that kWarmWorlds has.
constexpr unsigned kSweepWorlds = 15;  // percent

}  // namespace

Json named(const std::string& key, Json spec) {
  const auto slash = key.find('/');
  return {{"apiVersion", api::kApiVersion},
          {"metadata", {{"namespace", key.substr(0, slash)}, {"name", key.substr(slash + 1)}}},
          {"spec", std::move(spec)}};
}

Shape random_shape(std::uint64_t seed) {
  Random random(seed, "shape");
  return {.runs = static_cast<int>(random.between(1, 4)),
          .projects = static_cast<int>(random.between(1, 2)),
          .processes = random.percent(60) ? 1 : 2,
          .sweeps = Random(seed, "sweeping").percent(kSweepWorlds)};
}

void People::begin(const Shape& shape) {
  shape_ = shape;
  for (int i = 0; i < shape.projects; ++i) {
    const auto host = fmt::format("git.{}.example", i);
    git_[host] = std::make_shared<GitServer>(host);
    projects_.push_back(i == 0 ? "a/p" : "b/q");
    create_project(projects_.back(), project_spec(host));
  }
  if (shape.sweeps && !shape.plain) begin_sweeps();
  sim_.fibers.spawn(sim_.group, "people", [this] {
    if (shape_.standbys > 0) await_pools();
    for (; created_ < shape_.runs; ++created_) {
      const auto& project = projects_[sim_.people.below(projects_.size())];
      const auto key = fmt::format("{}/run-{}", project.substr(0, project.find('/')), created_);
      create_run(key, run_spec(key, project.substr(project.find('/') + 1)));
      const bool burst = shape_.plain || sim_.people.percent(50);
      if (!burst && !sim_.pause_unless_calm(milliseconds(sim_.people.between(0, 15'000)))) return;
    }
  });
}

// Until all standbys of all projects are ready, or a minute has passed.
void People::await_pools() {
  const auto full = [this](const std::string& project) {
    const auto found = server_.find(Kind::kProjects, project);
    return found && api::int_at(member(member(found->json, "status"), "warm"), "ready") == shape_.standbys;
  };
  sim_.fibers.wait(sim_.fibers.now() + seconds(60), [&] { return std::ranges::all_of(projects_, full); }, sim_.stop());
}

// One world in so many has standbys. Not by a random choice: the others stay as they were, and with them the seeds that
// docs/reliability.md names.
constexpr std::uint64_t kWarmWorlds = 5;
constexpr std::uint64_t kWarmWorld = 3;

Json People::project_spec(const std::string& host) {
  Json spec = {{"source", {{"git", {{"url", git_.at(host)->url()}}}}},
               {"runtime", {{"image", "python@sha256:1"}}},
               {"limits", Json::object()},
               {"history", {{"podSeconds", 20}}}};
  auto& limits = spec["limits"];
  if (shape_.plain) {
    if (shape_.slots > 0) limits["maxConcurrentRuns"] = shape_.slots;
    if (shape_.standbys > 0) spec["warm"] = {{"sandboxes", shape_.standbys}, {"maxAgeSeconds", 86400}};
    return spec;
  }
  constexpr std::array kPending = {20, 45, 90};
  limits["pendingSeconds"] = sim_.people.one_of(kPending);
  limits["attempts"] = sim_.people.between(1, 3);
  if (sim_.people.percent(60)) limits["maxConcurrentRuns"] = sim_.people.between(1, 2);
  if (sim_.people.percent(10)) limits["queueSeconds"] = 60;
  if (sim_.people.percent(20)) spec["history"]["ttlSecondsAfterFinished"] = 60;
  if (sim_.seed % kWarmWorlds == kWarmWorld) {
    spec["warm"] = {{"sandboxes", 1 + sim_.seed / kWarmWorlds % 3}, {"maxAgeSeconds", 86400}};
  }
  return spec;
}

Json People::run_spec(const std::string& key, const std::string& project) {
  Json spec = {{"project", project}, {"scope", "project"}, {"timeoutSeconds", 15}};
  if (shape_.plain) return spec;
  if (sim_.people.percent(30)) {
    spec["scope"] = "model";
    spec["modelName"] = "revenue";
  }
  if (sim_.people.percent(40)) spec["parameters"] = {{"rate", 0.5}};
  if (sim_.people.percent(20)) spec["branch"] = "main";
  if (sim_.people.percent(25)) spec["reuse"] = sim_.people.percent(60) ? "Join" : "Reuse";
  // A stream of its own, so that the rest of a world does not depend on it.
  if (Random random(sim_.seed ^ hash_text(key), "points"); random.percent(12)) {
    spec.erase("parameters");
    spec.erase("reuse");
    for (std::int64_t i = random.between(2, 30); i > 0; --i) spec["points"].push_back({{"rate", 0.5}});
    spec["timeoutSeconds"] = 60;
    return spec;
  }
  // Models that need longer than a minute would make the worlds long, and show nothing more.
  spec["timeoutSeconds"] = plan_of(sim_.seed, key).end == ModelPlan::End::kTooLong ? 10 : 60;
  return spec;
}

void People::create_run(const std::string& key, Json spec) {
  auto object = named(key, std::move(spec));
  object["kind"] = "ModelRun";
  if (sim_.people.percent(50)) object["metadata"]["labels"] = {{api::kLabelCreatedBy, "cli"}};
  auto made = server_.create(Kind::kRuns, std::move(object), "person");
  if (!made) return;
  auto& truth = cluster_.run(uid_of((*made)->json));
  truth.key = key;
  const auto project = key.substr(0, key.find('/') + 1) + api::text_at(member((*made)->json, "spec"), "project");
  const auto found = server_.find(Kind::kProjects, project);
  truth.project_missing = !found || is_deleting(found->json);
  sim_.trace.line("person", "creates run {}", key);
}

void People::create_project(const std::string& key, Json spec) {
  auto object = named(key, std::move(spec));
  object["kind"] = "ModelProject";
  (void)server_.create(Kind::kProjects, std::move(object), "person");
  sim_.trace.line("person", "creates project {}", key);
}

bool People::patch_spec(Kind kind, const std::string& key, const Json& patch) {
  sim_.trace.line("person", "changes spec of {}: {}", key, patch.dump());
  return server_.change(kind, key, "person", [&](Json& object) { object["spec"].merge_patch(patch); }) != nullptr;
}

void People::delete_run(const std::string& key) {
  if (const auto run = server_.find(Kind::kRuns, key)) cluster_.run(uid_of(run->json)).deleted = true;
  sim_.trace.line("person", "deletes run {}", key);
  (void)server_.remove(Kind::kRuns, key, "person");
}

// Every run of the project may end because of it.
void People::note_project(const std::string& project_key, bool deleted) {
  for (const auto& [key, run] : server_.all(Kind::kRuns)) {
    const auto project = meta_text(run->json, "namespace") + "/" + api::text_at(member(run->json, "spec"), "project");
    if (project != project_key) continue;
    auto& truth = cluster_.run(uid_of(run->json));
    truth.project_deleted = truth.project_deleted || deleted;
    truth.project_missing = true;
  }
}

void People::delete_project(const std::string& key) {
  sim_.trace.line("person", "deletes project {}", key);
  note_project(key, true);
  (void)server_.remove(Kind::kProjects, key, "person");
}

Object People::pick(Kind kind, const std::function<bool(const Json&)>& fits) {
  std::vector<Object> fitting;
  for (const auto& [key, object] : server_.all(kind)) {
    if (meta_text(object->json, "namespace") != "forger" && fits(object->json)) fitting.push_back(object);
  }
  return fitting.empty() ? nullptr : fitting[sim_.people.below(fitting.size())];
}

void People::later(const char* what, seconds low, seconds high, std::function<void()> undo) {
  const auto span = seconds(sim_.people.between(low.count(), high.count()));
  sim_.fibers.spawn(sim_.group, what, [this, span, undo = std::move(undo)] {
    if (sim_.pause_unless_calm(span)) undo();
  });
}

void People::act(Perturbation perturbation) {
  if (sim_.sweeps && act_on_sweep(perturbation)) return;
  switch (perturbation) {
    case P::kRunCancelled:
      if (const auto run = pick(Kind::kRuns, under_way)) {
        if (patch_spec(Kind::kRuns, key_of(run->json), {{"cancel", true}})) {
          cluster_.run(uid_of(run->json)).cancelled = true;
        }
      }
      return;
    case P::kRunSuspended:
      return suspend(Kind::kRuns);
    case P::kRunDeleted:
      if (const auto run = pick(Kind::kRuns, [](const Json&) { return true; })) delete_run(key_of(run->json));
      return;
    case P::kRunFinalizer:
      return hold(Kind::kRuns);
    case P::kRunRecreated:
      return recreate(Kind::kRuns);
    case P::kProjectEdited:
      return edit_project();
    case P::kProjectSuspended:
      if (const auto project = pick(Kind::kProjects, [](const Json& json) { return !is_deleting(json); })) {
        const auto key = key_of(project->json);
        patch_spec(Kind::kProjects, key, {{"suspend", true}});
        later("resume project", seconds(1), seconds(40),
              [this, key] { patch_spec(Kind::kProjects, key, {{"suspend", nullptr}}); });
      }
      return;
    case P::kProjectDeleted:
      return remove_project();
    case P::kHistorySet:
      if (const auto project = pick(Kind::kProjects, [](const Json& json) { return !is_deleting(json); })) {
        patch_spec(Kind::kProjects, key_of(project->json),
                   {{"history",
                     {{"ttlSecondsAfterFinished", sim_.people.between(5, 40)},
                      {"successful", sim_.people.between(0, 2)},
                      {"includeApplied", sim_.people.percent(50)}}}});
      }
      return;
    case P::kJobDeleted:
      if (const auto job = pick(Kind::kJobs, [](const Json& json) { return !is_deleting(json); })) {
        sim_.trace.line("person", "deletes Job {}", key_of(job->json));
        (void)server_.remove(Kind::kJobs, key_of(job->json), "person");
      }
      return;
    case P::kPodDeleted:
      cluster_.disturb(perturbation);
      return;
    case P::kChildEdited:
      return edit_child();
    case P::kNonsenseStatus:
      return write_nonsense(sim_.people.percent(35) ? Kind::kProjects : Kind::kRuns);
    case P::kForgery:
      cluster_.forge(sim_.people);
      return;
    default:
      return;
  }
}

void People::suspend(Kind kind) {
  const auto object =
      pick(kind, [](const Json& json) { return under_way(json) && !api::bool_at(member(json, "spec"), "suspend"); });
  if (!object) return;
  const auto key = key_of(object->json);
  if (kind == Kind::kRuns) cluster_.run(uid_of(object->json)).suspended = true;
  patch_spec(kind, key, {{"suspend", true}});
  later("resume", seconds(0), seconds(40), [this, kind, key] { patch_spec(kind, key, {{"suspend", false}}); });
}

// A controller of somebody else holds the object by a finalizer for a while.
void People::hold(Kind kind) {
  const auto object = pick(kind, [](const Json& json) { return !is_deleting(json); });
  if (!object) return;
  const auto key = key_of(object->json);
  sim_.trace.line("person", "adds a finalizer to {}", key);
  server_.change(kind, key, "person", [](Json& json) { json["metadata"]["finalizers"] = {kHold}; });
  later("drop finalizer", seconds(5), seconds(90), [this, kind, key] {
    sim_.trace.line("person", "removes the finalizer of {}", key);
    server_.change(kind, key, "person", [](Json& json) { json["metadata"].erase("finalizers"); });
  });
}

void People::recreate(Kind kind) {
  const auto object = pick(kind, [](const Json& json) { return !is_deleting(json); });
  if (!object) return;
  const auto key = key_of(object->json);
  auto spec = member(object->json, "spec");
  spec.erase("cancel");
  spec.erase("suspend");
  const bool run = kind == Kind::kRuns;
  if (run) cluster_.sweep(owner_uid(object->json)).name_taken = true;
  run ? delete_run(key) : delete_sweep(key);
  later("create again", seconds(0), seconds(5),
        [this, run, key, spec] { run ? create_run(key, spec) : create_sweep(key, spec); });
}

void People::edit_project() {
  const auto project = pick(Kind::kProjects, [](const Json& json) { return !is_deleting(json); });
  if (!project) return;
  Json patch;
  if (sim_.people.percent(50)) patch["runtime"]["image"] = fmt::format("python@sha256:{}", sim_.people.between(2, 9));
  if (sim_.people.percent(60)) patch["limits"]["maxConcurrentRuns"] = sim_.people.between(1, 3);
  if (patch.is_null()) patch["limits"]["attempts"] = sim_.people.between(1, 3);
  patch_spec(Kind::kProjects, key_of(project->json), patch);
}

void People::remove_project() {
  const auto project = pick(Kind::kProjects, [](const Json& json) { return !is_deleting(json); });
  if (!project) return;
  const auto key = key_of(project->json);
  auto spec = member(project->json, "spec");
  spec.erase("suspend");  // whoever would resume it does not know the new one
  delete_project(key);
  later("create project again", seconds(0), seconds(80), [this, key, spec] { create_project(key, spec); });
}

void People::edit_child() {
  const auto die = sim_.people.below(3);
  if (die == 0) {
    if (const auto map = pick(Kind::kConfigMaps, [](const Json& json) { return member(json, "data").is_object(); })) {
      sim_.trace.line("person", "deletes ConfigMap {}", key_of(map->json));
      (void)server_.remove(Kind::kConfigMaps, key_of(map->json), "person");
    }
    return;
  }
  if (die == 1) {
    if (const auto job = pick(Kind::kJobs, [](const Json& json) { return !is_deleting(json); })) {
      sim_.trace.line("person", "annotates Job {}", key_of(job->json));
      server_.change(Kind::kJobs, key_of(job->json), "person",
                     [](Json& object) { object["metadata"]["annotations"]["example.com/note"] = "x"; });
    }
    return;
  }
  if (const auto policy = pick(Kind::kPolicies, [](const Json&) { return true; })) {
    const auto key = key_of(policy->json);
    sim_.trace.line("person", "changes NetworkPolicy {}", key);
    if (sim_.people.percent(50))
      (void)server_.remove(Kind::kPolicies, key, "person");
    else
      server_.change(Kind::kPolicies, key, "person", [](Json& object) { object["spec"]["policyTypes"] = {"Ingress"}; });
  }
}

}  // namespace modelrun::simulation
