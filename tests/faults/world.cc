#include "faults/world.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace modelrun::faults {
namespace {

using fakes::Fault;
using kube::Json;

constexpr int kMoves = 60'000;
constexpr std::chrono::seconds kPatience{1'500};  // on the world's clock; then something hangs

// "PUT modelruns/status".
std::string kind_of(const kube::Request& request) {
  std::string path = request.path.substr(0, request.path.find('?'));
  const auto at = path.find("/namespaces/");
  if (at == std::string::npos) return std::string(to_string(request.method)) + " " + path;
  std::vector<std::string> steps;
  for (std::size_t from = at + 1; from <= path.size();) {
    const auto to = std::min(path.find('/', from), path.size());
    steps.push_back(path.substr(from, to - from));
    from = to + 1;
  }
  return fmt::format("{} {}{}", to_string(request.method), steps.at(2), steps.size() > 4 ? "/" + steps[4] : "");
}

// The project says in its environment which generation it is, so that every Job shows whose settings it has.
constexpr const char* kGeneration = "GENERATION";

Json generation_env(int generation) {
  return Json::array({{{"name", kGeneration}, {"value", std::to_string(generation)}}});
}

}  // namespace

World::World(WorldOptions options) : options_(std::move(options)) {
  machine_.settings.agent_image = "agent:1";
  machine_.settings.default_image = "python:1";
  machine_.settings.image_pull_policy = "IfNotPresent";
  machine_.settings.run_server_address = "10.0.0.1:7443";
  machine_.tracer = options_.tracer;
  machine_.sink = options_.sink;
  if (options_.sink != nullptr) machine_.settings.end_events = {"/test", std::chrono::hours(1)};
  machine_.server.set_hook([this](const kube::Request& request, int) { return on_request(request); });
  make_objects();
  process_ = std::make_unique<Process>(machine_);
}

void World::make_objects() {
  Json project{{"metadata", {{"name", "p"}, {"namespace", name_space_}}},
               {"spec",
                {{"source", {{"git", {{"url", repository_url()}}}}},
                 {"runtime", {{"env", generation_env(1)}}},
                 {"limits", Json::object()}}}};
  if (options_.max_concurrent) project["spec"]["limits"]["maxConcurrentRuns"] = *options_.max_concurrent;
  machine_.server.put(kube::kModelProjects, project);
  for (int i = 0; i < options_.runs; ++i) add_run(fmt::format("run-{:02}", i));
}

void World::add_run(const std::string& name, const Json& fields) {
  Json run{{"metadata", {{"name", name}, {"namespace", name_space_}}},
           {"spec", {{"project", "p"}, {"scope", "project"}}},
           {"status", {{"observedGeneration", -1}}}};
  if (options_.parameters) run["spec"]["parameters"] = {{"rate", 0.5}};
  if (!options_.reuse.empty()) run["spec"]["reuse"] = options_.reuse;
  if (!options_.traceparent.empty()) {
    run["metadata"]["annotations"][std::string(api::kAnnotationTraceparent)] = options_.traceparent;
  }
  run["spec"].update(fields);
  machine_.server.put(kube::kModelRuns, run);
}

void World::add_sweep(const std::string& name, const Json& fields) {
  Json sweep{{"metadata", {{"name", name}, {"namespace", name_space_}}},
             {"spec", {{"project", "p"}, {"scope", "project"}}},
             {"status", {{"observedGeneration", -1}}}};
  sweep["spec"].update(fields);
  machine_.server.put(kube::kModelSweeps, sweep);
}

Fault World::on_request(const kube::Request& request) {
  const bool write = request.method != kube::Method::kGet;
  const int number = write ? ++writes_ : 0;
  const Fault fault = faults_ ? faults_(request, number) : Fault::kNone;
  if (write && fault == Fault::kNone) ++written_[kind_of(request)];
  return fault;
}

void World::restart() {
  process_.reset();
  machine_.server.restart();
  node_.process_gone();
  process_ = std::make_unique<Process>(machine_);
}

bool World::work() {
  const bool worked = process_->work();
  if (machine_.server.crashed()) restart();
  if (worked) check();
  return worked;
}

bool World::move() {
  machine_.advance(std::chrono::milliseconds(5));
  for (const auto collection : kCollections) {
    if (news_) process_->sync(collection);
  }
  bool moved = work();
  moved = node_.control_jobs() || moved;
  moved = node_.agents(*process_) || moved;
  if (moved) check();
  news_ = moved;
  return moved;
}

// Straight to the next delayed key: whatever waits for a time has asked to be woken then.
void World::wait_for_the_clock() {
  const auto next = process_->next_due();
  const auto most = std::chrono::duration_cast<runtime::SteadyClock::Span>(std::chrono::seconds(10));
  const auto left = next ? std::clamp(*next - machine_.steady.now(), runtime::SteadyClock::Span::zero(), most) : most;
  machine_.advance(std::chrono::ceil<Duration>(left));
}

void World::run(const std::function<bool()>& done) {
  news_ = true;
  const Time deadline = machine_.clock.now() + kPatience;
  for (int i = 0; i < kMoves && machine_.clock.now() < deadline; ++i) {
    if (violations_ > 0) return;
    if (done ? done() : all_final() && node_.idle()) return;
    const bool moved = move();
    if (!moved) wait_for_the_clock();
  }
  std::string stuck;
  for (const auto& line : outcome()) stuck += "\n  " + line;
  violated("nothing moves any more:" + stuck);
}

void World::run_to_the_end() {
  run();
  const Time over = machine_.clock.now() + std::chrono::seconds(340);
  run([&] { return machine_.clock.now() >= over && machine_.server.all(kube::kPods).empty(); });
  if (violations_ > 0) return;
  if (!machine_.server.all(kube::kJobs).empty()) violated("I5: a Job is left");
  const auto project = api::decode_model_project(machine_.server.find(kube::kModelProjects, name_space_, "p").value());
  if (!project.status.active.empty()) violated("a slot is still held");
  if (project.status.queued_runs != 0) violated("runs are still counted as queued");
  const int before = writes_;
  const Time later = machine_.clock.now() + std::chrono::seconds(60);
  run([&] { return machine_.clock.now() >= later; });
  if (writes_ != before) violated("I6: writes after the end");
}

void World::set_spec(const std::string& run, const Json& fields) {
  change_spec(kube::kModelRuns, run, fields);
}

void World::set_sweep_spec(const std::string& name, const Json& fields) {
  change_spec(kube::kModelSweeps, name, fields);
}

void World::change_spec(const kube::Resource& resource, const std::string& name, const Json& fields) {
  auto object = machine_.server.find(resource, name_space_, name).value();
  object["spec"].update(fields);
  object["metadata"]["generation"] = object["metadata"]["generation"].get<int>() + 1;
  machine_.server.put(resource, object);
}

void World::set_project(const Json& fields) {
  auto object = machine_.server.find(kube::kModelProjects, name_space_, "p").value();
  const int generation = object["metadata"]["generation"].get<int>() + 1;
  object["metadata"]["generation"] = generation;
  object["spec"].merge_patch(fields);
  object["spec"]["runtime"]["env"] = generation_env(generation);
  machine_.server.put(kube::kModelProjects, object);
}

api::ModelRun World::find(const std::string& run) const {
  return api::decode_model_run(machine_.server.find(kube::kModelRuns, name_space_, run).value());
}

api::ModelSweep World::find_sweep(const std::string& name) const {
  return api::decode_model_sweep(machine_.server.find(kube::kModelSweeps, name_space_, name).value());
}

bool World::all_final() const {
  return std::ranges::all_of(machine_.server.all(kube::kModelRuns),
                             [](const auto& run) { return is_final(api::decode_model_run(run).status.phase); }) &&
         std::ranges::all_of(machine_.server.all(kube::kModelSweeps),
                             [](const auto& sweep) { return is_final(api::decode_model_sweep(sweep).status.phase); });
}

std::vector<std::string> World::outcome() const {
  std::vector<std::string> lines;
  for (const auto& object : machine_.server.all(kube::kModelRuns)) {
    const auto run = api::decode_model_run(object);
    const auto& status = run.status;
    const auto event = status.end_event ? fmt::format(" event {}", to_string(status.end_event->state)) : "";
    lines.push_back(fmt::format("{} {} exit {} attempts {} commit {} out {} outputs {} error {}{}", run.meta.name,
                                to_string(status.phase), status.exit_code.value_or(-1), status.attempts,
                                status.commit_sha == repository_commit() ? "ok" : status.commit_sha,
                                Json(status.out).dump(), (status.outputs ? status.outputs->text() : "null"),
                                status.error ? status.error->reason : "none", event));
  }
  for (const auto& object : machine_.server.all(kube::kModelSweeps)) {
    const auto sweep = api::decode_model_sweep(object);
    const auto& status = sweep.status;
    const auto points = status.points.value_or(api::SweepPoints{});
    lines.push_back(fmt::format(
        "{} {} commit {} of {} succeeded {} failed {} running {} runs {} table {} error {}", sweep.meta.name,
        to_string(status.phase), status.commit_sha == repository_commit() ? "ok" : status.commit_sha, points.total,
        points.succeeded, points.failed, points.running, status.runs.size(),
        status.table_ref ? status.table_ref->rows : -1, status.error ? status.error->reason : "none"));
  }
  return lines;
}

void World::violated(const std::string& what) {
  ++violations_;
  ADD_FAILURE() << options_.name << " after write " << writes_ << ": " << what;
}

void World::check() {
  std::map<std::int64_t, std::string> numbers;
  std::map<std::string, api::ModelRun> runs;
  for (const auto& object : machine_.server.all(kube::kModelRuns)) {
    const auto run = api::decode_model_run(object);
    check_run(run);
    const auto [at, added] = numbers.emplace(run.status.run_number, run.meta.uid);
    if (run.status.run_number != 0 && !added)
      violated(fmt::format("I10: two runs have number {}", run.status.run_number));
    runs.emplace(run.meta.uid, run);
  }
  for (const auto& object : machine_.server.all(kube::kModelSweeps)) check_sweep(api::decode_model_sweep(object));
  std::set<std::string> busy;
  for (const auto& object : machine_.server.all(kube::kJobs)) {
    const auto job = api::decode_job(object);
    if (job.meta.namespace_ != name_space_) continue;
    auto& uids =
        jobs_[job.run_uid + "/" + object["metadata"]["labels"][std::string(api::kLabelAttempt)].get<std::string>()];
    uids.insert(job.meta.uid);
    if (uids.size() > 1) violated("I1: a second Job of one attempt: " + job.meta.name);
    const auto run = runs.find(job.run_uid);
    if (run == runs.end()) continue;
    if (run->second.status.commit_sha.empty()) violated("I3: a Job before the commit was recorded: " + job.meta.name);
    if (is_final(run->second.status.phase)) continue;
    busy.insert(job.run_uid);
    if (!options_.written_by_hand) check_settings(object, run->second);
  }
  for (const auto& [attempt, pods] : node_.granted()) {
    if (pods.size() > 1) violated("I1: two pods were given the source of " + attempt);
  }
  if (!options_.max_concurrent) return;
  const auto limit = static_cast<std::size_t>(*options_.max_concurrent);
  const auto project = api::decode_model_project(machine_.server.find(kube::kModelProjects, name_space_, "p").value());
  if (project.status.active.size() > limit || busy.size() > limit) violated("I11: more active runs than slots");
}

// I12: the Job of a run has the settings of the project generation that the run names.
void World::check_settings(const Json& job, const api::ModelRun& run) {
  if (job["metadata"]["name"] != run.status.job_name) return;  // of an attempt that is over
  for (const auto& container : job["spec"]["template"]["spec"]["containers"]) {
    for (const auto& entry : container["env"]) {
      if (entry["name"] != kGeneration) continue;
      const auto found = entry["value"].get<std::string>();
      if (found == std::to_string(run.status.project_generation)) return;
      violated(fmt::format("I12: Job {} has the settings of generation {}, its run names {}", run.status.job_name,
                           found, run.status.project_generation));
      return;
    }
  }
  violated("I12: the Job of " + run.meta.name + " has not got the project's environment");
}

void World::check_run(const api::ModelRun& run) {
  if (!run.status.commit_sha.empty()) {
    const auto [commit, added] = commits_.emplace(run.meta.uid, run.status.commit_sha);
    if (!added && commit->second != run.status.commit_sha) violated("I3: the commit of " + run.meta.name + " changed");
  }
  auto status = run.status;
  status.observed_generation = 0;  // a later change of the spec is acknowledged
  check_event(run);
  status.end_event.reset();
  check_final(run.meta.name, run.meta.uid, is_final(status.phase), api::encode_status(status));
}

// An event is owed with the end of its run, and what became of it stays.
void World::check_event(const api::ModelRun& run) {
  const auto& event = run.status.end_event;
  const bool final = is_final(run.status.phase);
  if (event.has_value() != (final && options_.sink != nullptr)) {
    violated("a run that ends owes an event, and no other does: " + run.meta.name);
  }
  if (!event) return;
  const auto [known, added] = events_.emplace(run.meta.uid, *event);
  if (!added && known->second != *event && known->second.state != api::EndEventState::kPending) {
    violated("what became of the event of " + run.meta.name + " changed");
  }
  known->second = *event;
}

void World::check_sweep(const api::ModelSweep& sweep) {
  auto status = sweep.status;
  if (!status.commit_sha.empty()) {
    const auto [commit, added] = commits_.emplace(sweep.meta.uid, status.commit_sha);
    if (!added && commit->second != status.commit_sha) violated("I3: the commit of " + sweep.meta.name + " changed");
  }
  status.observed_generation = 0;
  check_final(sweep.meta.name, sweep.meta.uid, is_final(status.phase), api::encode_status(status));
  std::int64_t active = 0;
  for (const auto& object : machine_.server.all(kube::kModelRuns)) {
    const auto run = api::decode_model_run(object);
    if (!api::is_owned_by(run.meta, sweep.meta)) continue;
    if (!is_final(run.status.phase)) ++active;
    const bool other =
        !status.commit_sha.empty() && !run.status.commit_sha.empty() && run.status.commit_sha != status.commit_sha;
    if (other) violated("a run of the sweep has another commit: " + run.meta.name);
  }
  if (active > sweep.spec.limits.parallelism) violated("more runs of the sweep than limits.parallelism");
}

void World::check_final(const std::string& name, const std::string& uid, bool final, const Json& status) {
  if (!final) {
    if (finals_.contains(uid)) violated("I2: " + name + " is alive again");
    return;
  }
  const auto text = status.dump();
  const auto [known, added] = finals_.emplace(uid, text);
  if (!added && known->second != text) violated("I2: the final status of " + name + " changed");
}

}  // namespace modelrun::faults
