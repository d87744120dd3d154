#include "simulation/pod_life.h"

#include <utility>

#include "api/json_access.h"

namespace modelrun::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Json terminated(int code, const char* reason, Time finished, const std::string& message = {}) {
  Json state = {{"exitCode", code}, {"reason", reason}, {"finishedAt", format_rfc3339(finished)}};
  if (!message.empty()) state["message"] = message;
  return {{"terminated", std::move(state)}};
}

Json running(Time since) {
  return {{"running", {{"startedAt", format_rfc3339(since)}}}};
}

void set_condition(Json& status, const char* type, bool is_true, const std::string& reason, const std::string& message,
                   Time now) {
  auto& conditions = status["conditions"];
  if (conditions.is_null()) conditions = Json::array();
  for (auto at = conditions.begin(); at != conditions.end();)
    at = (*at)["type"] == type ? conditions.erase(at) : at + 1;
  conditions.push_back({{"type", type},
                        {"status", is_true ? "True" : "False"},
                        {"reason", reason},
                        {"message", message},
                        {"lastTransitionTime", format_rfc3339(now)}});
}

void set_container(Json& status, const char* name, Json state) {
  auto& containers = status["containerStatuses"];
  if (containers.is_null()) containers = Json::array();
  for (auto& container : containers) {
    if (container["name"] == name) {
      container["state"] = std::move(state);
      return;
    }
  }
  containers.push_back({{"name", name}, {"imageID", "image@sha256:1"}, {"state", std::move(state)}});
}

}  // namespace

// Whether the kubelet has something else to do than to let the pod go on.
bool PodLife::disturbed() const {
  return !truth_->undisturbed() || sim_.over.stop_requested();
}

// Sleeps for a random time, or not at all where nothing takes time. Returns false if the pod was disturbed meanwhile.
bool PodLife::take_time(milliseconds low, milliseconds high) {
  return sim_.instant ? pause(milliseconds(0), milliseconds(0)) : pause(low, high);
}

// The same, also where nothing takes time.
bool PodLife::pause(milliseconds low, milliseconds high) {
  const auto span = low == high ? low : milliseconds(sim_.cluster.between(low.count(), high.count()));
  sim_.fibers.wait(sim_.fibers.now() + span, [this] { return disturbed(); }, sim_.stop());
  if (!truth_->deadline && deadline_ > Nanos(0) && sim_.fibers.now() >= deadline_) truth_->deadline = true;
  return !disturbed();
}

void PodLife::write(const std::function<void(Json& pod)>& change) {
  parts_.server.change(Kind::kPods, truth_->pod_key, "kubelet", change, truth_->pod_uid);
}

// Something keeps the pod from starting for a while, until the faults are over at the latest.
bool PodLife::trouble(Perturbation perturbation, const std::function<void(Json& status)>& show) {
  if (!sim_.perturbations.strikes(perturbation, 250)) return true;
  sim_.trace.line("kubelet", "pod {}: {}", truth_->pod_key, info_of(perturbation).what);
  write([&](Json& pod) { show(pod["status"]); });
  const auto until = sim_.fibers.now() + seconds(sim_.cluster.between(2, 150));
  sim_.fibers.wait(until, [this] { return disturbed() || sim_.calm; }, sim_.stop());
  return !disturbed();
}

bool PodLife::schedule() {
  if (!take_time(milliseconds(1), milliseconds(1500))) return false;
  const bool found = trouble(Perturbation::kUnschedulable, [this](Json& status) {
    set_condition(status, "PodScheduled", false, "Unschedulable", "0/1 nodes are available", sim_.wall());
  });
  if (!found) return false;
  write([this](Json& pod) {
    pod["spec"]["nodeName"] = "node-1";
    set_condition(pod["status"], "PodScheduled", true, "", "", sim_.wall());
    set_container(pod["status"], "agent", {{"waiting", {{"reason", "ContainerCreating"}}}});
    set_container(pod["status"], "model", {{"waiting", {{"reason", "ContainerCreating"}}}});
  });
  return true;
}

bool PodLife::start_containers() {
  if (!take_time(milliseconds(100), milliseconds(2000))) return false;
  agent_started_ = true;
  const auto pod = parts_.server.find(Kind::kPods, truth_->pod_key);
  if (!pod) return false;
  const auto& spec = api::member(pod->json, "spec");
  deadline_ = sim_.fibers.now() + seconds(api::int_at(spec, "activeDeadlineSeconds").value_or(100'000));
  for (const auto& container : api::member(spec, "containers")) {
    for (const auto& entry : api::member(container, "env")) {
      if (api::text_at(entry, "name") == api::kEnvPoints) points_ = true;
      if (api::text_at(entry, "name") == api::kEnvTimeout) timeout_seconds_ = std::stoll(api::text_at(entry, "value"));
    }
  }
  write([this](Json& object) {
    set_condition(object["status"], "PodReadyToStartContainers", true, "", "", sim_.wall());
  });
  if (api::decode_pod(pod->json).image_volume && sim_.perturbations.strikes(Perturbation::kNoImageVolumes, 250)) {
    sim_.trace.line("kubelet", "pod {}: {}", truth_->pod_key, info_of(Perturbation::kNoImageVolumes).what);
    write([](Json& object) {
      set_container(object["status"], "model",
                    {{"waiting", {{"reason", "CreateContainerError"}, {"message", "failed to mkdir \"\""}}}});
    });
    sim_.fibers.wait(deadline_, [this] { return disturbed(); }, sim_.stop());
    if (!disturbed()) truth_->deadline = true;
    return false;
  }
  const bool pulled = trouble(Perturbation::kImagePull, [this](Json& status) {
    set_container(status, "agent", running(sim_.wall()));
    set_container(status, "model", {{"waiting", {{"reason", "ErrImagePull"}, {"message", "not found"}}}});
  });
  if (!pulled) return false;
  model_started_ = true;
  write([this](Json& object) {
    object["status"]["phase"] = "Running";
    set_container(object["status"], "agent", running(sim_.wall()));
    set_container(object["status"], "model", running(sim_.wall()));
  });
  return true;
}

void PodLife::live() {
  if (schedule() && start_containers() && (truth_->standby ? await_work() : claim())) {
    if (points_) {
      run_points();
    } else {
      run_model();
    }
  }
  watch_.reset();
  watched_.reset();
  if (sim_.over.stop_requested()) return;
  if (truth_->lost) return lose_node();
  end_pod();
  remove_object();
}

Json PodLife::model_state() const {
  const int code = model_code_.value_or(137);
  const char* reason = truth_->out_of_memory ? "OOMKilled" : code == 0 ? "Completed" : "Error";
  return terminated(code, reason, model_ended_.value_or(sim_.wall()));
}

// The containers have ended, or are ended now. Writes the last status.
void PodLife::end_pod() {
  if (!sim_.instant && !sim_.pause(sim_.cluster, milliseconds(0), milliseconds(2500))) return;
  if (truth_->lost) return lose_node();
  const auto now = sim_.wall();
  const bool done = truth_->undisturbed() || truth_->frame;
  const int agent_code = truth_->agent_killed || truth_->evicted || truth_->deadline ? 137 : done && !refused_ ? 0 : 1;
  if (truth_->agent_killed && model_started_ && !model_code_) model_code_ = api::kExitAgentLost;
  if (truth_->out_of_memory) model_code_ = 137;
  write([&](Json& pod) {
    auto& status = pod["status"];
    const bool scheduled = !api::text_at(pod["spec"], "nodeName").empty();
    if (scheduled) {
      const char* reason = agent_code == 0 ? "Completed" : "Error";
      if (agent_started_)
        set_container(status, "agent", terminated(agent_code, reason, now, truth_->termination_message));
      if (model_started_) set_container(status, "model", model_state());
    }
    const bool good = agent_code == 0 && model_code_ == 0;
    status["phase"] = good && !truth_->evicted && !truth_->deadline ? "Succeeded" : "Failed";
    if (truth_->evicted) {
      status["reason"] = "Evicted";
      status["message"] = "The node was low on resource: memory.";
      set_condition(status, "DisruptionTarget", true, "TerminationByKubelet", "low on memory", now);
    }
    if (truth_->deadline) status["reason"] = "DeadlineExceeded";
  });
}

// The node does not answer. The pod is deleted by the taint manager, and stays Terminating until the node is removed.
void PodLife::lose_node() {
  if (!sim_.fibers.sleep(seconds(sim_.cluster.between(40, 100)), sim_.stop())) return;
  sim_.trace.line("cluster", "the taint manager deletes pod {}", truth_->pod_key);
  write([this](Json& pod) {
    set_condition(pod["status"], "DisruptionTarget", true, "DeletionByTaintManager", "the node is lost", sim_.wall());
  });
  (void)parts_.server.remove(Kind::kPods, truth_->pod_key, "taint manager", {.uid = truth_->pod_uid});
  sim_.fibers.wait({}, [this] { return sim_.calm; }, sim_.stop());
  if (!sim_.fibers.sleep(seconds(200), sim_.stop())) return;
  write([this](Json& pod) {
    pod["status"]["phase"] = "Failed";
    set_condition(pod["status"], "DisruptionTarget", true, "DeletionByPodGC", "the node is gone", sim_.wall());
  });
  (void)parts_.server.remove(Kind::kPods, truth_->pod_key, "pod gc", {.uid = truth_->pod_uid, .at_once = true});
}

// Waits for somebody to delete the pod, then confirms.
void PodLife::remove_object() {
  sim_.fibers.wait({}, [this] { return truth_->deleted || truth_->gone; }, sim_.stop());
  if (truth_->gone || sim_.over.stop_requested()) return;
  if (!sim_.instant && !sim_.pause(sim_.cluster, milliseconds(10), milliseconds(3000))) return;
  (void)parts_.server.remove(Kind::kPods, truth_->pod_key, "kubelet", {.uid = truth_->pod_uid, .at_once = true});
}

}  // namespace modelrun::simulation
