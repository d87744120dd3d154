// The kubelet's and the agent's side of one pod: from its creation to its removal, as one fiber.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/points.h"
#include "simulation/api_server.h"
#include "simulation/process.h"
#include "simulation/truth.h"

namespace modelrun::simulation {

// What pods need of the cluster, which outlives them.
struct PodParts {
  Sim& sim;
  ApiServer& server;
  std::function<std::vector<std::shared_ptr<Process>>()> processes;  // that run now
  std::function<void(const PodTruth&)> on_grant;                     // a pod got the source
  // A pod is about to execute these points of its run.
  std::function<void(const PodTruth&, const std::vector<std::int64_t>&)> on_points;
  std::function<ModelPlan(const std::string&)> plan_of_run;  // what the model of the run with this key does
};

class PodLife {
 public:
  // `truth` tells who the pod is; the life notes there what happens. The model does what `plan` says; of a standby,
  // that is known when it has work.
  PodLife(PodParts parts, PodTruthPtr truth, ModelPlan plan)
      : parts_(std::move(parts)), sim_(parts_.sim), truth_(std::move(truth)), plan_(plan) {}

  // The fiber. Ends when the pod is gone, or with the world.
  void live();

 private:
  enum class Reply { kYes, kOver, kAgain };
  using Ask = std::function<void(controller::RunGate&, std::function<void(Result<void>)>)>;

  // The kubelet: pod_life.cc.
  [[nodiscard]] bool disturbed() const;
  bool take_time(std::chrono::milliseconds low, std::chrono::milliseconds high);
  bool pause(std::chrono::milliseconds low, std::chrono::milliseconds high);
  bool trouble(Perturbation perturbation, const std::function<void(Json& status)>& show);
  bool schedule();
  bool start_containers();
  void write(const std::function<void(Json& pod)>& change);
  [[nodiscard]] Json model_state() const;
  void end_pod();
  void lose_node();
  void remove_object();

  // The agent: pod_agent.cc.
  Reply ask(const Ask& question, std::chrono::seconds patience, const std::function<bool()>& give_up);
  [[nodiscard]] bool cut_off() const;
  bool claim();
  bool await_work();
  void run_model();
  void end_model(Nanos limit);
  // Those of runs with points: pod_points.cc.
  void run_points();
  [[nodiscard]] std::optional<std::vector<std::int64_t>> fetch_points();
  [[nodiscard]] std::string row_of(std::int64_t point, Nanos took) const;
  void execute(std::int64_t point, Nanos limit);
  Reply report_rows(bool last);
  void report_the_rest();
  void watch_orders();
  void make_frame(api::ExitHow how);
  void push();
  [[nodiscard]] runserver::AttemptRef attempt() const;
  [[nodiscard]] runserver::PodIdentity identity() const;

  const PodParts parts_;
  Sim& sim_;
  const PodTruthPtr truth_;
  ModelPlan plan_;
  std::int64_t timeout_seconds_ = 300;
  Nanos deadline_{};  // activeDeadlineSeconds
  bool agent_started_ = false, model_started_ = false;
  bool refused_ = false;  // the run server said that this pod must stop
  std::optional<Time> model_began_, model_ended_;
  std::optional<int> model_code_;
  bool points_ = false;                  // the run has points
  std::vector<std::string> parameters_;  // of all of them, as texts
  std::int64_t failed_ = 0;              // of the points, in all attempts
  std::optional<std::int64_t> max_failed_;
  std::vector<std::string> rows_;  // of this attempt
  api::RowReceipt receipt_;
  std::optional<std::int64_t> at_point_;
  bool cancel_ordered_ = false, over_ordered_ = false;
  Nanos ask_again_{0};
  std::shared_ptr<Process> watched_;
  std::unique_ptr<runserver::LongPoll> watch_;
  std::shared_ptr<std::optional<Result<runserver::Order>>> order_;
};

}  // namespace modelrun::simulation
