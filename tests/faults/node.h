// The cluster's side of a run: a Job controller, a kubelet and the agents, all in one and as simple as can be.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/sandbox.h"
#include "faults/process.h"

namespace modelrun::faults {

class Node {
 public:
  explicit Node(Machine& machine) : machine_(machine) {}

  // Makes the Pods of new Jobs and ends the agents of Pods that are gone. True when something has changed.
  bool control_jobs();
  // Lets every agent take one step, speaking to `process`. True when one has.
  bool agents(Process& process);
  // The process is gone, and with it every answer that was waited for.
  void process_gone();
  // The kubelet evicts a Pod: nothing of it can be read any more.
  void evict(const std::string& run);

  // Which pods were given the source, by "run uid/attempt".
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& granted() const { return granted_; }
  [[nodiscard]] bool idle() const { return agents_.empty(); }

  bool push = true;     // false: the run server cannot be reached for results
  bool hold = false;    // true: models run until this is false again
  std::string refuses;  // not empty: why the API server lets the Job controller make no pod
  std::string prints = "hello\n";
  std::vector<api::Artifact> artifacts;    // what every model leaves besides its outputs
  std::optional<api::FrameError> reports;  // what every agent says went wrong

 private:
  struct Agent {
    runserver::AttemptRef attempt;
    runserver::PodIdentity pod;
    enum class State { kClaiming, kRunning, kPushing, kEnding } state = State::kClaiming;
    api::ResultFrame frame;  // from kPushing on
    bool asked = false;      // an answer is waited for
    bool failed = false;
  };
  void step(const std::shared_ptr<Agent>& agent, Process& process);
  void end(const Agent& agent);
  void report_refusal(const api::ObjectMeta& job);
  void change_pod(const Agent& agent, const std::function<void(kube::Json& status)>& change);

  Machine& machine_;
  std::set<std::string> served_;                          // uids of Jobs that have got their Pod
  std::map<std::string, std::shared_ptr<Agent>> agents_;  // by pod uid
  std::map<std::string, std::set<std::string>> granted_;
};

}  // namespace modelrun::faults
