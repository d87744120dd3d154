// Why the outputs of two runs differ. What went into them and is not the same is changed one cause at a time, from the
// base to the other run, and each step is executed; the change of an output is then the sum of what each step did. Here
// is which steps there are and what follows from their outputs; executing them is up to the caller. Pure and
// thread-safe.
//
//   auto plan = plan_explanation(base, other);
//   RETURN_IF_ERROR(plan);
//   for (const auto& step : plan->executed()) ...   // execute it; check_step() what has ended; keep its outputs
//   auto explanation = explain(*plan, compare(base_outputs, other_outputs), base_outputs, step_outputs, other_outputs);
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/json_text.h"
#include "api/model_run.h"
#include "base/error.h"
#include "sweep/compare.h"

namespace modelrun::sweep {

inline constexpr std::size_t kMaxCauses = 32;

// One cause. The step has the changes of the causes before it, too.
struct ExplainStep {
  // "image", "data", "image and data" or "project settings", which stand for the whole project as it is now; "commit";
  // or "parameter " and the name of a member of the parameters.
  std::string cause;
  std::string commit;                       // a SHA
  std::optional<api::JsonText> parameters;  // an object; nullopt: the step has none
};

struct ExplainPlan {
  std::vector<ExplainStep> steps;  // at least one; the last one is the other run itself

  // Those that have to be executed: all but the last.
  [[nodiscard]] std::span<const ExplainStep> executed() const { return std::span(steps).first(steps.size() - 1); }
};

// The steps from `base` to `other`: the project first, because a step can only be executed with the project as it is
// now; then the commit; then the parameters by the bytes of their names. Apart from commit and parameters, a step is
// executed as `other` was. kInvalid if the runs are of different projects or entry points, have points, or nothing
// differs that went into them; kConflict if one was never pinned to a commit; kTooLarge for more than kMaxCauses
// causes. The message says what to do.
Result<ExplainPlan> plan_explanation(const api::ModelRun& base, const api::ModelRun& other);

// Whether what `step` has left says what its cause did. kConflict if it did not succeed, or if its image, data or
// project settings are not those of `other`: the project has changed since then, and the causes would be mixed up.
Result<void> check_step(const api::ModelRun& other, const api::ModelRun& step, const std::string& cause);

struct OutputBridge {
  std::string path;  // JSON pointer (RFC 6901) into the outputs
  Bridge bridge;     // its steps have the causes as their names
};

struct Explanation {
  std::vector<OutputBridge> bridges;  // in the order of the differences
  // The numbers that differ and have no bridge: some step does not have a number there, or the path is too long for
  // parse_name() (sweep/pointer.h).
  std::vector<std::string> without;
};

// The bridges of the numbers among compared.differences. `steps` are the outputs of plan.executed(), in that order.
// REQUIRES: as many as these.
Explanation explain(const ExplainPlan& plan, const Comparison& compared, const api::JsonText& base,
                    std::span<const api::JsonText> steps, const api::JsonText& other);

}  // namespace modelrun::sweep
