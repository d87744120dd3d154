#include "unit/controller/run/scene.h"

#include "controller/run/as_admitted.h"

namespace modelrun::controller::testing {
namespace {

api::ObjectMeta meta(const std::string& name, const std::string& uid) {
  api::ObjectMeta made;
  made.namespace_ = "n";
  made.name = name;
  made.uid = uid;
  made.resource_version = 5;
  made.generation = 1;
  return made;
}

std::string show(const Action& action) {
  struct Visitor {
    std::string operator()(const ResolveSource& step) const {
      return fmt::format("{}{}", step.hold ? "hold" : "resolve", step.now ? "-now" : "");
    }
    std::string operator()(const RequestAdmission&) const { return "admit"; }
    std::string operator()(const TakeLead&) const { return "lead"; }
    std::string operator()(const CreateJob& step) const { return fmt::format("job:{}", step.attempt); }
    std::string operator()(const AdoptStandby& step) const {
      return fmt::format("adopt:{}:{}", step.job.name, step.attempt);
    }
    std::string operator()(const ShowParameters& step) const { return "show-parameters:" + step.job_uid; }
    std::string operator()(const DeleteJob& step) const { return "delete:" + step.name; }
    std::string operator()(const ReadDurable& step) const {
      return (step.last ? "read-last:" : "read:") + step.pod_name;
    }
    std::string operator()(const OrderCancel&) const { return "cancel"; }
    std::string operator()(const WritePayload& step) const { return fmt::format("payload:{}", step.parts.size()); }
    std::string operator()(const StoreRows& step) const {
      return fmt::format("rows:{}-{}:{}", step.first, step.first + static_cast<std::int64_t>(step.rows.size()),
                         step.config_map);
    }
    std::string operator()(const AvoidImageVolumes&) const { return "avoid-image-volumes"; }
    std::string operator()(const DeleteRun&) const { return "delete-run"; }
  };
  return std::visit(Visitor{}, action);
}

const char* show(Mark mark) {
  switch (mark) {
    case Mark::kPodLost:
      return "!PodLost";
    case Mark::kEvidence:
      return "!Evidence";
    case Mark::kCancel:
      return "!Cancel";
    case Mark::kDurableRead:
      return "!DurableRead";
    default:
      break;
  }
  return "?";
}

std::string show(const api::ModelRunStatus& status) {
  const auto* succeeded = api::find_condition(status.conditions, "Succeeded");
  return fmt::format("[{} {}]", to_string(status.phase), succeeded != nullptr ? succeeded->reason : "no condition");
}

}  // namespace

std::string show(const Plan& plan) {
  std::string text;
  const auto say = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
  for (const auto& action : plan.before) say(show(action));
  if (plan.status) say(show(*plan.status));
  for (const auto& action : plan.after) say(show(action));
  for (const auto mark : plan.marks) say(show(mark));
  if (plan.awaits == Awaits::kSlot) say("~slot");
  if (plan.awaits == Awaits::kSpecChange) say("~spec");
  if (plan.awaits == Awaits::kJobChange) say("~job");
  // A plan that creates a Job looks at the run again at once; Job.IsLookedAtAgainAtOnce tests that.
  const bool creates =
      std::ranges::any_of(plan.after, [](const Action& action) { return std::holds_alternative<CreateJob>(action); });
  if (plan.requeue_after && !(creates && plan.requeue_after == kAtOnce))
    say(fmt::format("@{:g}", std::chrono::duration<double>(*plan.requeue_after).count()));
  return text;
}

Scene::Scene() {
  run.meta = meta("forecast", "12345678-aaaa");
  run.meta.creation = at(0);
  run.spec.project = "p";
  project.meta = meta("p", "project-uid");
  project.meta.generation = 3;
  project.git.url = "https://git.example/p.git";
  settings.agent_image = "agent:1";
  settings.default_image = "python:1";
  settings.image_pull_policy = "IfNotPresent";
  settings.run_server_address = "10.0.0.1:7443";
  settings.run_server_name = "run-server";
  settings.run_server_ca = "PEM";
}

Scene& Scene::project_spec(const nlohmann::json& spec) {
  auto changed = api::decode_model_project({{"spec", spec}});
  changed.meta = project.meta;
  ++changed.meta.generation;
  project = std::move(changed);
  return *this;
}

Scene& Scene::resolved() {
  seen.source = {SourceView::State::kReady, kCommit, "main", std::string(64, 'a'), true, {}, true, {}};
  return *this;
}

Scene& Scene::admitted(std::int64_t number) {
  seen.admitted_number = number;
  return *this;
}

Scene& Scene::pending(std::int64_t attempt) {
  resolved().admitted();
  run.status = pinned(observed(), 7, attempt, "python:1", at(1));
  job.emplace();
  job->meta = meta(run.status.job_name, "job-uid");
  job->meta.owner_uid = run.meta.uid;
  job->run_uid = run.meta.uid;
  seen.job_seen = seen.children_ensured = true;
  marks[Mark::kAttempt] = 1;
  return *this;
}

Scene& Scene::with_pod(const std::string& name) {
  api::PodView pod;
  pod.meta = meta(name, name + "-uid");
  pod.meta.owner_name = run.status.job_name;
  pod.run = run.meta.name;
  pod.phase = "Running";
  pod.node = "node-of-" + name;
  pod.scheduled = true;
  pod.scheduled_at = at(1.5);
  pod.agent.state = api::ContainerView::State::kRunning;
  pod.model.state = api::ContainerView::State::kRunning;
  pods.push_back(std::move(pod));
  return *this;
}

Scene& Scene::running(std::int64_t attempt) {
  pending(attempt).with_pod();
  run.status = controller::running(observed(), {static_cast<int>(attempt), "pod-a", "pod-a-uid"}, &pods[0], at(3));
  return *this;
}

Scene& Scene::frame(api::ExitHow how, std::optional<int> code, std::optional<int> signal) {
  result.emplace();
  result->run_uid = run.meta.uid;
  result->attempt = static_cast<int>(run.status.attempts);
  result->exit.how = how;
  result->exit.code = code;
  result->exit.signal = signal;
  result->exit.started_at = at(3.5);
  result->exit.finished_at = at(8);
  result->out = {"hello\n", "", 6};
  return *this;
}

Scene& Scene::claim(const std::string& pod, int attempt) {
  seen.claims.push_back({attempt, pod, pod + "-uid"});
  return *this;
}

Scene& Scene::mark(Mark which, double seconds) {
  marks[which] = seconds;
  return *this;
}

Scene& Scene::model_ended(double seconds, int code, const std::string& reason) {
  auto& model = pods.at(0).model;
  model.state = api::ContainerView::State::kTerminated;
  model.finished_at = at(seconds);
  marks[Mark::kModelEnded] = seconds;
  model.exit_code = code;
  model.reason = reason;
  return *this;
}

Scene& Scene::agent_ended(int code) {
  auto& agent = pods.at(0).agent;
  agent.state = api::ContainerView::State::kTerminated;
  agent.exit_code = code;
  return *this;
}

Scene& Scene::deleting(double seconds) {
  pods.at(0).meta.deletion = at(seconds + 30);
  pods.at(0).grace_seconds = 30;
  marks[Mark::kPodDeleting] = seconds;
  return *this;
}

Observed Scene::observed(double seconds) const {
  Observed all = seen;
  all.known_for = all.source.asked_for = at(seconds) - at(0);
  for (const auto& [which, set] : marks) all.marks[which] = at(seconds) - at(set);
  all.run = std::make_shared<const api::ModelRun>(run);
  if (has_project) all.project = std::make_shared<const api::ModelProject>(project);
  all.as_admitted = as_admitted(run, all.project);
  if (job) all.job = std::make_shared<const api::JobView>(*job);
  if (result) all.frame = std::make_shared<const api::ResultFrame>(*result);
  for (const auto& pod : pods) all.pods.push_back(std::make_shared<const api::PodView>(pod));
  return all;
}

std::string Scene::at_second(double seconds) const {
  return show(plan(seconds));
}

}  // namespace modelrun::controller::testing
