// The cluster around the operator: the Job controller, kubelets with their agents, the garbage collector, and those who
// disturb pods.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simulation/api_server.h"
#include "simulation/pod_life.h"
#include "simulation/truth.h"

namespace modelrun::simulation {

class Cluster {
 public:
  explicit Cluster(PodParts parts);

  // Starts the controllers' fibers.
  void start();
  // To be called after each commit: takes note of what happens to Jobs and pods, and of who did it.
  void on_commit(const Commit& commit);
  // Evicts, drains, kills or loses one pod that is under way, lets somebody delete it, or suspends a Job. It may be any
  // of the perturbations of pods. Returns false if there is no such pod or Job.
  bool disturb(Perturbation perturbation);
  // A tenant in another namespace makes a Job of the name and with the run UID of a run's Job, and a pod that claims to
  // be of it and to have succeeded. Returns false if there is no run to attack.
  bool forge(Random& random);

  // For scenarios: what the model of the run does, in the place of what the seed says.
  void set_plan(const std::string& run_key, const ModelPlan& plan) { plans_[run_key] = plan; }

  // By the run's UID. Runs that were deleted stay.
  [[nodiscard]] std::map<std::string, RunTruth>& runs() { return runs_; }
  RunTruth& run(const std::string& uid) { return runs_[uid]; }
  SweepTruth& sweep(const std::string& uid) { return sweeps_[uid]; }
  [[nodiscard]] const std::map<std::string, PodTruthPtr>& pods() const { return pods_; }  // by UID
  // What the forger writes into outputs.
  static const Json& forged_outputs();

 private:
  void control_jobs();
  void control_job(const Object& job);
  void create_pod(const Object& job);
  void finish_job(const Object& job, const Object& pod);
  void hold_job(const Object& job, const Object& pod);
  bool suspend_some_job();
  void run_queue();
  void collect_garbage();
  bool collect_once();
  void note_run(const Commit& commit);
  void note_job(const Commit& commit);
  void note_pod(const Commit& commit);
  void note_adoption(const Object& run, const Json& job);
  [[nodiscard]] ModelPlan plan_of_run(const std::string& key) const;

  PodParts parts_;
  Sim& sim_;
  ApiServer& server_;
  std::map<std::string, RunTruth> runs_;
  std::map<std::string, SweepTruth> sweeps_;  // by UID
  std::map<std::string, PodTruthPtr> pods_;
  std::map<std::string, ModelPlan> plans_;  // by run key
  std::set<std::string> served_;            // UIDs of Jobs that have got their pod
  std::map<std::string, int> resumed_;      // UIDs of Jobs that were resumed, and how often
  std::map<std::string, Nanos> orphans_;    // UIDs of objects without an owner, and since when
};

}  // namespace modelrun::simulation
