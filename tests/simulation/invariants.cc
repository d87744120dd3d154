#include "simulation/invariants.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "api/json_access.h"
#include "api/model_run.h"
#include "api/standby.h"

namespace modelrun::simulation {
namespace {

using api::member;
using P = Perturbation;

bool by_operator(const std::string& who) {
  return who.starts_with("operator");
}

constexpr auto kNoLimit = std::numeric_limits<std::int64_t>::max();

}  // namespace

const std::vector<InvariantInfo>& invariant_infos() {
  static const std::vector<InvariantInfo> kInfos = {
      {"I1", "one Job per run and attempt, one pod per attempt gets the source", "each creation of a Job, each grant"},
      {"I2", "a final status never changes", "each status write of an operator"},
      {"I3", "the commit is recorded before the Job exists", "each creation of a Job"},
      {"I4", "exit code and reason are the process's own", "each final status, against what the model did"},
      {"I5", "nothing is left after a deletion or an end", "the objects at the end of the world"},
      {"I6", "right a minute after the faults, and no writes then", "the calm part of each world"},
      {"I7", "without an excuse the end is that of a world without faults", "each final status"},
      {"I8", "a result is not lost while its pod is there", "each final status"},
      {"I9", "every wait has a reason", "runs that are not over, a minute into the calm part"},
      {"I10", "run numbers are unique and rise", "each status write"},
      {"I11", "active runs do not exceed maxConcurrentRuns", "each write of a project's status, each grant"},
      {"I12", "no end rests on absence in a cache", "each final status, against what was really deleted"},
      {"I13", "what a process knows ends with its term", "by its effects, in worlds with several terms: I6, I11, I15"},
      {"I14", "a child is ours by namespace and UID", "each deletion by an operator, each final status"},
      {"I15", "what waits is woken", "runs that are stuck in the calm part"},
      {"I16", "no object crashes or hangs the process", "exceptions, signals, and worlds that take too long"},
      {"I17", "one tenant's load delays others by a bound only", ""},
      {"I18", "a point that has a row is not executed again, and none is left out or counted twice",
       "each list of points that a pod gets, each final status"},
      {"I19", "a sweep's table has one row a point: its own, or why there is none",
       "each run that a sweep makes, each final status, the objects at the end"},
  };
  return kInfos;
}

void Invariants::violate(std::string_view invariant, const std::string& what) {
  sim_.trace.line("INVARIANT", "{}: {}", invariant, what);
  if (violation_.empty()) violation_ = fmt::format("{}: {}", invariant, what);
}

void Invariants::on_commit(const Commit& commit) {
  if (commit.kind == Kind::kLeases) return;
  last_commit_ = sim_.fibers.now();
  if (!commit.before) born_[uid_of(commit.shown->json)] = sim_.fibers.now();
  if (commit.kind == Kind::kProjects && commit.after) {
    const auto key = key_of(commit.shown->json);
    projects_[uid_of(commit.shown->json)] = meta_text(commit.shown->json, "namespace");
    auto& most = slots_[key];
    most = std::max(most, limit(commit.shown->json, "maxConcurrentRuns", kNoLimit));
  }
  if (!by_operator(commit.who)) return;
  ++operator_writes_;
  if (!commit.after || (is_deleting(commit.shown->json) && !is_deleting(commit.before->json))) {
    return check_deletion(commit);
  }
  switch (commit.kind) {
    case Kind::kRuns:
      return commit.before ? check_run(commit) : check_sweep_run(commit.shown->json);
    case Kind::kSweeps:
      return check_sweep(commit);
    case Kind::kConfigMaps:
      return note_rows(commit.shown->json);
    case Kind::kProjects:
      return check_project(commit);
    case Kind::kJobs:
      if (!commit.before) check_job_creation(commit.shown->json);
      return;
    default:
      return;
  }
}

void Invariants::check_run(const Commit& commit) {
  const auto& run = commit.after->json;
  const auto& before = member(commit.before->json, "status");
  const auto& after = member(run, "status");
  const bool was_final = is_final_phase(api::text_at(before, "phase"));
  if (was_final) {
    check({2});
    Json one = before, other = after;
    one.erase("observedGeneration");
    other.erase("observedGeneration");
    if (one != other) violate("I2", fmt::format("the final status of {} changes", key_of(run)));
    return;
  }
  check_number(run);
  if (is_final_phase(api::text_at(after, "phase"))) check_verdict(run);
}

void Invariants::check_number(const Json& run) {
  const auto number = api::int_at(member(run, "status"), "runNumber").value_or(0);
  if (number == 0 || sim_.perturbations.has_struck(P::kNonsenseStatus)) return;
  const auto project = meta_text(run, "namespace") + "/" + api::text_at(member(run, "spec"), "project");
  check({10});
  // A project that was created anew counts anew, but not with the numbers of runs that are still there.
  const Numbered mine{uid_of(run), status_text(run, "projectUID")};
  const auto [held, added] = numbers_[project].try_emplace(number, mine);
  if (added || held->second.run_uid == mine.run_uid) return;
  if (held->second.project_uid == mine.project_uid || server_.find_uid(Kind::kRuns, held->second.run_uid)) {
    violate("I10", fmt::format("run number {} of {} is given twice", number, project));
  }
  held->second = mine;
}

void Invariants::check_job_creation(const Json& job) {
  const auto run = server_.find_uid(Kind::kRuns, owner_uid(job));
  if (!run || meta_text(run->json, "namespace") != meta_text(job, "namespace")) return;  // deleted meanwhile
  const auto& truth = cluster_.run(uid_of(run->json));
  const auto attempt = label_text(job, api::kLabelAttempt);
  if (truth.nonsense) return;
  check({1, 3});
  const int number = std::atoi(attempt.c_str());
  const auto jobs = truth.jobs.find(number);
  const bool given =
      std::ranges::any_of(truth.pods, [&](const auto& pod) { return pod->attempt == number && pod->granted; });
  // A Job that somebody deleted before its model started, while no operator saw it, is made again: see
  // docs/reliability.md. And an operator that does not know of the adoption of a standby makes one Job besides, after
  // which the standby gets no work.
  const auto of_attempt = jobs == truth.jobs.end() ? std::vector<std::string>{} : jobs->second;
  const auto made = std::ranges::count_if(of_attempt, [&](const auto& uid) { return !truth.adopted.contains(uid); });
  if (of_attempt.size() > 1 && (given || (made > 1 && !truth.job_deleted))) {
    violate("I1", fmt::format("a second Job for attempt {} of {}", attempt, key_of(run->json)));
  }
  const auto& commit = status_text(run->json, "commitSHA");
  if (commit.empty()) violate("I3", fmt::format("Job of {} without a recorded commit", key_of(run->json)));
  const auto& containers = member(member(member(member(job, "spec"), "template"), "spec"), "containers");
  for (const auto& entry : member(containers.back(), "env")) {
    if (api::text_at(entry, "name") == "MODELRUN_COMMIT_SHA" && api::text_at(entry, "value") != commit) {
      violate("I3", fmt::format("Job of {} has another commit than its run", key_of(run->json)));
    }
  }
}

void Invariants::check_deletion(const Commit& commit) {
  if (commit.kind == Kind::kRuns || commit.kind == Kind::kPolicies) return;
  const auto& object = commit.shown->json;
  const auto known = cluster_.runs().find(owner_uid(object));
  const bool ours =
      known != cluster_.runs().end() && known->second.key.starts_with(meta_text(object, "namespace") + "/");
  check({14});
  // A standby is its project's, which may just have been deleted, until a run adopts it.
  const auto project = projects_.find(owner_uid(object));
  const bool standby = commit.kind == Kind::kJobs && !label_text(object, api::kLabelStandby).empty() &&
                       project != projects_.end() && project->second == meta_text(object, "namespace");
  if (standby) return;
  const bool of_job = commit.kind == Kind::kPods || commit.kind == Kind::kConfigMaps;
  if (!ours && !of_job) violate("I14", fmt::format("{} deletes {}, which is not ours", commit.who, key_of(object)));
}

void Invariants::check_project(const Commit& commit) {
  if (sim_.perturbations.has_struck(P::kNonsenseStatus)) return;
  const auto& before = member(commit.before->json, "status");
  const auto& after = member(commit.after->json, "status");
  const auto held = member(before, "active").size(), holds = member(after, "active").size();
  check({10, 11});
  const auto most = limit(commit.after->json, "maxConcurrentRuns", kNoLimit);
  const auto key = key_of(commit.after->json);
  if (holds > held && static_cast<std::int64_t>(holds) > most) {
    violate("I11", fmt::format("{} runs of {} are active, {} may be", holds, key, most));
  }
  const auto last = api::int_at(before, "lastRunNumber").value_or(0);
  if (api::int_at(after, "lastRunNumber").value_or(0) < last) {
    violate("I10", fmt::format("lastRunNumber of {} falls from {}", key, last));
  }
}

void Invariants::on_grant(const PodTruth& pod) {
  const auto& truth = cluster_.run(pod.run_uid);
  for (const auto& other : truth.pods) {
    if (other->attempt == pod.attempt && other->granted && other->pod_uid != pod.pod_uid && !truth.nonsense) {
      violate("I1", fmt::format("two pods of attempt {} of {} got the source", pod.attempt, truth.key));
    }
  }
  const auto run = server_.find_uid(Kind::kRuns, pod.run_uid);
  if (!run || truth.nonsense) return;
  check({1});
  if (pod.misdirected) violate("I1", fmt::format("pod {} was given the work of another run", pod.pod_key));
  const bool recorded = status_text(run->json, "podUID") == pod.pod_uid;
  const bool same_attempt = api::int_at(member(run->json, "status"), "attempts") == pod.attempt;
  const bool before = pod.standby && api::int_at(member(run->json, "status"), "attempts").value_or(0) < pod.attempt;
  if (!recorded && (before || (same_attempt && status_text(run->json, "phase") == "Pending"))) {
    violate("I1", fmt::format("pod {} got the source before it was recorded", pod.pod_key));
  }
  // The models of a project that run now: their pods have the source, and their Jobs are there.
  const auto project = project_of(run->json);
  if (!project || sim_.perturbations.has_struck(P::kNonsenseStatus)) return;
  std::set<std::string> active;
  for (const auto& [uid, each] : cluster_.pods()) {
    if (!each->granted || each->model_over || each->frame || !each->undisturbed()) continue;
    const auto owner = server_.find_uid(Kind::kRuns, each->run_uid);
    const auto job = server_.find_uid(Kind::kJobs, each->job_uid);
    if (!owner || !job || is_deleting(job->json) || is_final_phase(status_text(owner->json, "phase"))) continue;
    if (project_of(owner->json) == project) active.insert(each->run_uid);
  }
  const auto most = slots_[key_of(project->json)];
  if (static_cast<std::int64_t>(active.size()) > most) {
    violate("I11", fmt::format("{} models of {} run at once, {} may", active.size(), key_of(project->json), most));
  }
}

// ---- The calm part -----------------------------------------------------------------------------------------------

bool Invariants::all_done() const {
  return undone().empty();
}

std::string Invariants::undone() const {
  std::string text;
  for (const Kind kind : {Kind::kRuns, Kind::kSweeps}) {
    for (const auto& [key, object] : server_.all(kind)) {
      const auto& phase = status_text(object->json, "phase");
      const bool waits_for_people = api::bool_at(member(object->json, "spec"), "suspend") || is_deleting(object->json);
      if (is_final_phase(phase) || waits_for_people) continue;
      text += fmt::format("{}{} is {} ({})", text.empty() ? "" : "; ", key, phase.empty() ? "new" : phase,
                          status_text(object->json, "message"));
    }
  }
  return text;
}

void Invariants::check_calm(Nanos since) {
  if (since < std::chrono::seconds(65)) return;
  for (const Kind kind : {Kind::kRuns, Kind::kSweeps}) {
    for (const auto& [key, object] : server_.all(kind)) {
      if (!under_way(object->json)) continue;
      const auto& uid = uid_of(object->json);
      // Nobody promises to mend every field.
      if (kind == Kind::kRuns ? cluster_.run(uid).nonsense : cluster_.sweep(uid).nonsense) continue;
      // One that was made just now has no status yet.
      if (sim_.fibers.now() - born_[uid] < std::chrono::seconds(10)) continue;
      check({9});
      const bool has_reason =
          std::ranges::any_of(member(member(object->json, "status"), "conditions"), [](const Json& condition) {
            return api::text_at(condition, "type") == "Succeeded" && !api::text_at(condition, "reason").empty();
          });
      if (!has_reason) violate("I9", fmt::format("{} waits without a reason", key));
    }
  }
}

// The UID of the run that a child of it, or the Job or pod of a standby, belongs to; empty if it is no run's yet.
std::string Invariants::run_of(const Json& object) const {
  const auto& label = label_text(object, api::kLabelRunUid);
  if (!label.empty() && label != api::kRunUidOfStandby) return label;
  const auto pod = cluster_.pods().find(uid_of(object));
  return pod == cluster_.pods().end() ? std::string() : pod->second->run_uid;
}

void Invariants::check_end() {
  check({5});
  check_sweeps_left();
  for (const Kind kind : {Kind::kJobs, Kind::kPods, Kind::kConfigMaps}) {
    for (const auto& [key, object] : server_.all(kind)) {
      if (label_text(object->json, "forged") == "true") continue;
      const auto uid = run_of(object->json);
      if (uid.empty()) continue;  // of a standby
      const auto run = server_.find_uid(Kind::kRuns, uid);
      const bool result = kind == Kind::kConfigMaps && member(object->json, "binaryData").is_object();
      const bool finished = run && is_final_phase(status_text(run->json, "phase"));
      if (run && (result || !finished)) continue;
      violate("I5",
              fmt::format("{} {} is left of a run that is {}", resource_of(kind).kind, key, run ? "over" : "deleted"));
    }
  }
  for (const auto& [key, project] : server_.all(Kind::kProjects)) {
    for (const auto& entry : member(member(project->json, "status"), "active")) {
      const auto run = server_.find_uid(Kind::kRuns, api::text_at(entry, "uid"));
      const bool held = run && !is_final_phase(status_text(run->json, "phase"));
      if (!held) violate("I5", fmt::format("{} still holds a slot for {}", key, api::text_at(entry, "name")));
    }
  }
}

std::int64_t Invariants::limit(const Json& project, const char* field, std::int64_t otherwise) const {
  return api::int_at(member(member(project, "spec"), "limits"), field).value_or(otherwise);
}

Object Invariants::project_of(const Json& run) const {
  return server_.find(Kind::kProjects,
                      meta_text(run, "namespace") + "/" + api::text_at(member(run, "spec"), "project"));
}

const PodTruth* Invariants::recorded_pod(const Json& run, const RunTruth& truth) const {
  const auto& uid = status_text(run, "podUID");
  const auto attempt = api::int_at(member(run, "status"), "attempts");
  const PodTruth* last = nullptr;
  for (const auto& pod : truth.pods) {
    if (!uid.empty() ? pod->pod_uid == uid : pod->attempt == attempt) last = pod.get();
  }
  return last;
}

}  // namespace modelrun::simulation
