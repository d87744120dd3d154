#include "faults/node.h"

#include <algorithm>
#include <utility>

namespace modelrun::faults {
namespace {

using kube::Json;

Json container(const char* name, Json state) {
  return {{"name", name}, {"imageID", "image@sha256:1"}, {"state", std::move(state)}};
}

Json pod_of(const Json& job, Time now) {
  const auto& meta = job["metadata"];
  const auto& pattern = job["spec"]["template"]["metadata"];
  const auto time = format_rfc3339(now);
  return {
      {"metadata",
       {{"name", meta["name"].get<std::string>() + "-x"},
        {"namespace", meta["namespace"]},
        {"labels", pattern["labels"]},
        {"annotations", pattern["annotations"]},
        {"ownerReferences", {{{"kind", "Job"}, {"name", meta["name"]}, {"uid", meta["uid"]}, {"controller", true}}}}}},
      {"spec", {{"nodeName", "node-1"}, {"volumes", job["spec"]["template"]["spec"]["volumes"]}}},
      {"status",
       {{"phase", "Running"},
        {"conditions", {{{"type", "PodScheduled"}, {"status", "True"}, {"lastTransitionTime", time}}}},
        {"containerStatuses",
         {container("agent", {{"running", {{"startedAt", time}}}}),
          container("model", {{"running", {{"startedAt", time}}}})}}}}};
}

Json terminated(int code, Time now) {
  return {{"terminated",
           {{"exitCode", code}, {"reason", code == 0 ? "Completed" : "Error"}, {"finishedAt", format_rfc3339(now)}}}};
}

// What every model gives: exit code 0, something printed, one result.
api::ResultFrame result_of(const runserver::AttemptRef& attempt, const std::string& prints, Time now) {
  api::ResultFrame frame;
  frame.run_uid = attempt.uid;
  frame.attempt = attempt.attempt;
  frame.exit.how = api::ExitHow::kExited;
  frame.exit.code = 0;
  frame.exit.started_at = frame.exit.finished_at = now;
  frame.out = {prints, "", prints.size()};
  frame.outputs = Json{{"answer", 42}};
  return frame;
}

std::int64_t id_of(const std::string& parameters) {
  return Json::parse(parameters).value("i", std::int64_t{-1});
}

// What a point gives: twice its parameter.
std::string row_of(std::int64_t point, std::int64_t id, bool fails) {
  api::PointRow row;
  row.point = point;
  row.exit_code = fails ? 3 : 0;
  if (fails) {
    row.phase = api::PointPhase::kFailed;
    row.reason = "NonZeroExit";
    row.message = "the model exited with code 3";
  } else {
    row.outputs = Json{{"double", 2 * id}};
  }
  return api::encode_row(row);
}

bool has_points(const Json& job) {
  const auto& containers = job["spec"]["template"]["spec"]["containers"];
  return std::ranges::any_of(containers[0]["env"], [](const Json& each) { return each["name"] == api::kEnvPoints; });
}

}  // namespace

bool Node::control_jobs() {
  bool changed = false;
  machine_.server.collect_garbage();
  for (const auto& job : machine_.server.all(kube::kJobs)) {
    const auto meta = api::decode_meta(job);
    if (meta.namespace_ != "n") continue;  // where the runs are; somebody else's Jobs have Pods of their own
    if (served_.contains(meta.uid)) continue;
    if (control_queue(job)) {
      changed = true;
      continue;
    }
    if (api::decode_job(job).suspended) continue;
    if (!refuses.empty()) {
      report_refusal(meta);
      continue;
    }
    served_.insert(meta.uid);
    auto made = pod_of(job, machine_.clock.now());
    if (!no_image_volumes.empty() && api::decode_pod(made).image_volume) {
      made["status"]["containerStatuses"][1]["state"] = {
          {"waiting", {{"reason", "CreateContainerError"}, {"message", no_image_volumes}}}};
      machine_.server.put(kube::kPods, made);
      changed = true;
      continue;
    }
    const auto pod = machine_.server.put(kube::kPods, made);
    auto agent = std::make_shared<Agent>();
    const auto& labels = job["metadata"]["labels"];
    agent->attempt = {meta.namespace_, meta.owner_name, labels[std::string(api::kLabelRunUid)],
                      std::stoi(labels[std::string(api::kLabelAttempt)].get<std::string>())};
    agent->pod = {meta.namespace_, pod["metadata"]["name"], pod["metadata"]["uid"]};
    agent->points = has_points(job);
    agents_[agent->pod.pod_uid] = std::move(agent);
    changed = true;
  }
  std::set<std::string> alive;
  for (const auto& pod : machine_.server.all(kube::kPods)) alive.insert(api::decode_meta(pod).uid);
  return std::erase_if(agents_, [&](const auto& item) { return !alive.contains(item.first); }) > 0 || changed;
}

// True if the Job, which has no pod, was suspended or resumed.
bool Node::control_queue(Json job) {
  const auto view = api::decode_job(job);
  const bool suspends = queues && queued_.insert(view.meta.uid).second && !view.suspended;
  const bool resumes = !suspends && view.suspended && admits;
  if (!suspends && !resumes) return false;
  job["spec"]["suspend"] = suspends;
  job["status"]["conditions"] = {{{"type", "Suspended"}, {"status", suspends ? "True" : "False"}}};
  machine_.server.put(kube::kJobs, job);
  return true;
}

// As the Job controller's event recorder does: one event, whose last time moves.
void Node::report_refusal(const api::ObjectMeta& job) {
  machine_.server.put(kube::kEvents, {{"metadata", {{"namespace", job.namespace_}, {"name", job.name + ".refused"}}},
                                      {"regarding", {{"kind", "Job"}, {"name", job.name}, {"uid", job.uid}}},
                                      {"reason", "FailedCreate"},
                                      {"note", "Error creating: " + refuses},
                                      {"deprecatedLastTimestamp", format_rfc3339(machine_.clock.now())}});
}

bool Node::agents(Process& process) {
  const auto all = agents_;  // a step may end one
  bool stepped = false;
  for (const auto& [uid, agent] : all) {
    const bool at_work = agent->state == Agent::State::kRunning || agent->state == Agent::State::kPoint;
    if (agent->asked || (hold && at_work)) continue;
    step(agent, process);
    stepped = true;
  }
  return stepped;
}

void Node::step(const std::shared_ptr<Agent>& agent, Process& process) {
  const auto answered = [this, agent](bool ok, ErrorKind kind, Agent::State next) {
    agent->asked = false;
    if (!ok && kind == ErrorKind::kUnavailable) return;  // asks again
    if (!ok) agent->failed = true;
    agent->state = ok ? next : Agent::State::kEnding;
  };
  switch (agent->state) {
    case Agent::State::kClaiming:
      process.warm(agent->attempt.namespace_ + "/" + agent->attempt.run);
      agent->asked = true;
      return process.gate().claim(agent->attempt, agent->pod, [=, this](const auto& archive) {
        if (archive)
          granted_[fmt::format("{}/{}", agent->attempt.uid, agent->attempt.attempt)].insert(agent->pod.pod_uid);
        answered(archive.has_value(), archive ? ErrorKind::kInternal : archive.error().kind,
                 agent->points ? Agent::State::kListing : Agent::State::kRunning);
      });
    case Agent::State::kListing:
      agent->asked = true;
      return process.gate().points(agent->attempt, agent->pod, [=](const Result<std::string>& text) {
        const auto list = text ? api::decode_points(*text) : std::unexpected(text.error());
        if (list) {
          std::set<std::int64_t> done;
          for (const auto& [first, last] : list->done) {
            for (auto point = first; point <= last; ++point) done.insert(point);
          }
          for (std::int64_t point = 0; std::cmp_less(point, list->points.size()); ++point) {
            if (!done.contains(point)) agent->todo.push_back(point);
            agent->ids.push_back(id_of(list->points[static_cast<std::size_t>(point)]));
          }
          agent->max_failed = list->max_failed;
          agent->failures = list->failed;
        }
        answered(list.has_value(), list ? ErrorKind::kInternal : list.error().kind, Agent::State::kPoint);
      });
    case Agent::State::kPoint:
      if (!step_points(agent, process)) agent->state = Agent::State::kRunning;
      return;
    case Agent::State::kRunning: {
      agent->frame = result_of(agent->attempt, prints, machine_.clock.now());
      if (agent->points) {
        agent->frame.outputs.reset();
        agent->frame.first_row = agent->receipt.stored;
        agent->frame.rows.assign(agent->rows.begin() + agent->receipt.stored, agent->rows.end());
        agent->frame.at_point = agent->lost_at;
        if (agent->lost_at || is_out_of_time(*agent)) {
          agent->frame.exit = {};
          agent->frame.exit.how = agent->lost_at ? api::ExitHow::kLost : api::ExitHow::kTimedOut;
        }
      }
      agent->frame.artifacts = artifacts;
      agent->frame.error = reports;
      machine_.server.set_pod_log(agent->pod.namespace_, agent->pod.pod_name, "agent", api::frame_to_log(agent->frame));
      change_pod(*agent, [&](Json& status) {
        auto& state = status["containerStatuses"][1]["state"];
        state = terminated(agent->lost_at ? 137 : 0, machine_.clock.now());
        if (agent->lost_at) state["terminated"]["reason"] = "OOMKilled";
      });
      agent->state = push ? Agent::State::kPushing : Agent::State::kEnding;
      return;
    }
    case Agent::State::kPushing:
      agent->asked = true;
      return process.gate().submit(agent->attempt, agent->pod, agent->frame, [=](const Result<void>& done) {
        answered(done.has_value(), done ? ErrorKind::kInternal : done.error().kind, Agent::State::kEnding);
      });
    case Agent::State::kEnding:
      return end(*agent);
  }
}

bool Node::is_out_of_time(const Agent& agent) const {
  return points_in_time && !agent.todo.empty() && agent.executed >= *points_in_time;
}

// No further point is executed.
bool Node::is_over(const Agent& agent) const {
  return agent.todo.empty() || agent.lost_at || agent.gave_up() || is_out_of_time(agent);
}

// False when the last row is stored, or cannot be reported any more.
bool Node::step_points(const std::shared_ptr<Agent>& agent, Process& process) {
  const bool over = is_over(*agent);
  const auto made = static_cast<std::int64_t>(agent->rows.size());
  if (report && (agent->receipt.held < made || (over && agent->receipt.stored < made))) {
    report_rows(agent, process);
    return true;
  }
  if (over) return false;
  const auto point = agent->todo.front();
  agent->todo.erase(agent->todo.begin());
  const auto id = agent->ids.at(static_cast<std::size_t>(point));
  ++executed_[agent->attempt.uid][id];
  ++agent->executed;
  if (failing.contains(id)) ++agent->failures;
  if (fatal.contains(id)) {
    agent->lost_at = point;
  } else {
    agent->rows.push_back(row_of(point, id, failing.contains(id)));
  }
  return true;
}

void Node::report_rows(const std::shared_ptr<Agent>& agent, Process& process) {
  agent->asked = true;
  const bool last = is_over(*agent);
  const api::RowReport rows{agent->receipt.held, last, {agent->rows.begin() + agent->receipt.held, agent->rows.end()}};
  process.gate().rows(agent->attempt, agent->pod, rows, [agent](const Result<api::RowReceipt>& receipt) {
    agent->asked = false;
    if (receipt) agent->receipt = *receipt;
    const bool over = !receipt && !is_transient(receipt.error().kind);
    if (!over) return;
    agent->failed = true;
    agent->state = Agent::State::kEnding;
  });
}

void Node::end(const Agent& agent) {
  const bool failed = agent.failed;
  const auto uid = agent.pod.pod_uid;
  change_pod(agent, [&](Json& status) {
    status["containerStatuses"][0]["state"] = terminated(failed ? 1 : 0, machine_.clock.now());
    status["phase"] = failed ? "Failed" : "Succeeded";
  });
  for (auto job : machine_.server.all(kube::kJobs)) {
    if (job["metadata"]["name"].get<std::string>() + "-x" != agent.pod.pod_name) continue;
    job["status"]["conditions"] = {{{"type", failed ? "Failed" : "Complete"}, {"status", "True"}}};
    machine_.server.put(kube::kJobs, job);
  }
  agents_.erase(uid);
}

void Node::evict(const std::string& run) {
  for (auto pod : machine_.server.all(kube::kPods)) {
    if (api::decode_pod(pod).run != run) continue;
    pod["status"]["phase"] = "Failed";
    pod["status"]["reason"] = "Evicted";
    machine_.server.put(kube::kPods, pod);
    agents_.erase(pod["metadata"]["uid"].get<std::string>());
  }
}

void Node::suspend(const std::string& run) {
  for (auto job : machine_.server.all(kube::kJobs)) {
    const auto meta = api::decode_meta(job);
    if (meta.owner_name != run) continue;
    job["spec"]["suspend"] = true;
    job["status"]["conditions"] = {{{"type", "Suspended"}, {"status", "True"}}};
    machine_.server.put(kube::kJobs, job);
    served_.erase(meta.uid);
  }
  for (const auto& pod : machine_.server.all(kube::kPods)) {
    if (api::decode_pod(pod).run != run) continue;
    const auto meta = api::decode_meta(pod);
    machine_.server.erase(kube::kPods, meta.namespace_, meta.name);
    agents_.erase(meta.uid);
  }
}

void Node::change_pod(const Agent& agent, const std::function<void(Json& status)>& change) {
  auto pod = machine_.server.find(kube::kPods, agent.pod.namespace_, agent.pod.pod_name);
  if (!pod) return;
  change((*pod)["status"]);
  machine_.server.put(kube::kPods, *pod);
}

void Node::process_gone() {
  for (const auto& [uid, agent] : agents_) agent->asked = false;
}

}  // namespace modelrun::faults
