// A run's snapshot in a few words, and plans as one line of text, so that a test reads: observed, then the plan.
#pragma once

#include <string>
#include <vector>

#include "api/reason.h"
#include "controller/run/decide.h"
#include "controller/run/limits.h"
#include "controller/run/status.h"

namespace modelrun::controller::testing {

inline constexpr const char* kCommit = "1111111111111111111111111111111111111111";

// Seconds after the run's creation.
inline Time at(double seconds) {
  const Time created = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
  return created + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// Change any field, then ask for the plan. The steps build on each other: admitted() comes after resolved(), and so on.
struct Scene {
  api::ModelRun run;
  api::ModelProject project;
  bool has_project = true;
  std::vector<api::PodView> pods;
  std::optional<api::JobView> job;
  std::optional<api::ResultFrame> result;  // observed as the frame
  Observed seen;
  std::map<Mark, double> marks;  // at which second each was set
  Settings settings;

  Scene();
  // As the API server shows the project after it was changed to this. Before that, nothing is there to be recorded.
  Scene& project_spec(const nlohmann::json& spec);
  Scene& resolved();
  Scene& admitted(std::int64_t number = 7);
  // Pinned, with its Job there.
  Scene& pending(std::int64_t attempt = 1);
  Scene& with_pod(const std::string& name = "pod-a");
  // The pod "pod-a" has been given the source at second 3.
  Scene& running(std::int64_t attempt = 1);
  Scene& frame(api::ExitHow how, std::optional<int> code = {}, std::optional<int> signal = {});
  Scene& claim(const std::string& pod, int attempt = 1);
  Scene& mark(Mark mark, double seconds);
  // Containers of pods[0].
  Scene& model_ended(double seconds, int code = 0, const std::string& reason = "Completed");
  Scene& agent_ended(int code = 0);

  // The pod pods[0] was first seen being deleted at that second, and has 30 seconds to end.
  Scene& deleting(double seconds);

  // What decide() is given at that second. The operator has known the run, and asked for its source, from its creation.
  [[nodiscard]] Observed observed(double seconds = 0) const;
  [[nodiscard]] Plan plan(double seconds) const { return decide(observed(seconds), at(seconds), settings); }
  // show(plan(seconds)).
  [[nodiscard]] std::string at_second(double seconds) const;
};

// "resolve admit [Pending Queued] job:1 delete:NAME read:pod-a read-last:pod-a cancel payload:2 !PodLost @5": actions
// before the status, phase and reason of the status, actions after it, marks, the event that wakes it ("~slot",
// "~spec", "~job"), and the seconds until it is looked at again.
std::string show(const Plan& plan);

}  // namespace modelrun::controller::testing
