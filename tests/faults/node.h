// The cluster's side of a run: a Job controller, a kubelet and the agents, all in one and as simple as can be.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/points.h"
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

  // Somebody suspends the run's Job. Its controller then removes the pod: nothing of it can be read any more.
  void suspend(const std::string& run);

  // Which pods were given the source, by "run uid/attempt".
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& granted() const { return granted_; }
  [[nodiscard]] bool idle() const { return agents_.empty(); }

  bool push = true;              // false: the run server cannot be reached for results
  bool hold = false;             // true: models run until this is false again
  bool queues = false;           // true: a queue suspends every Job as soon as it is there
  bool admits = true;            // false: suspended Jobs stay so; else the queue resumes them
  std::string refuses;           // not empty: why the API server lets the Job controller make no pod
  std::string no_image_volumes;  // not empty: what the kubelet says of a pod with one, which it cannot start
  std::string prints = "hello\n";
  std::vector<api::Artifact> artifacts;    // what every model leaves besides its outputs
  std::optional<api::FrameError> reports;  // what every agent says went wrong
  // Of runs with points: points that fail, and points that take their sandbox with them, by their parameter "i".
  std::set<std::int64_t> failing, fatal;
  bool report = true;  // false: the run server cannot be reached for rows
  // After so many points of an attempt the time limit of its run is over.
  std::optional<std::size_t> points_in_time;
  // How often each point was executed, by the run's uid and the point's parameter "i".
  [[nodiscard]] const std::map<std::string, std::map<std::int64_t, int>>& executed() const { return executed_; }

 private:
  struct Agent {
    runserver::AttemptRef attempt;
    runserver::PodIdentity pod;
    enum class State { kClaiming, kListing, kPoint, kRunning, kPushing, kEnding } state = State::kClaiming;
    api::ResultFrame frame;  // from kPushing on
    bool asked = false;      // an answer is waited for
    bool failed = false;
    bool points = false;             // the run has some
    std::vector<std::int64_t> todo;  // those that are left
    std::vector<std::int64_t> ids;   // the parameter "i" of each point
    std::vector<std::string> rows;   // of this attempt
    api::RowReceipt receipt;
    std::optional<std::int64_t> lost_at;
    std::optional<std::int64_t> max_failed;
    std::int64_t failures = 0;
    std::size_t executed = 0;
    [[nodiscard]] bool gave_up() const { return max_failed && failures > *max_failed; }
  };
  [[nodiscard]] bool is_out_of_time(const Agent& agent) const;
  [[nodiscard]] bool is_over(const Agent& agent) const;
  bool step_points(const std::shared_ptr<Agent>& agent, Process& process);
  void report_rows(const std::shared_ptr<Agent>& agent, Process& process);
  void step(const std::shared_ptr<Agent>& agent, Process& process);
  void end(const Agent& agent);
  bool control_queue(kube::Json job);
  void report_refusal(const api::ObjectMeta& job);
  void change_pod(const Agent& agent, const std::function<void(kube::Json& status)>& change);

  Machine& machine_;
  std::set<std::string> served_;                          // uids of Jobs that have got their Pod
  std::set<std::string> queued_;                          // uids of Jobs that the queue has suspended
  std::map<std::string, std::shared_ptr<Agent>> agents_;  // by pod uid
  std::map<std::string, std::set<std::string>> granted_;
  std::map<std::string, std::map<std::int64_t, int>> executed_;
};

}  // namespace modelrun::faults
