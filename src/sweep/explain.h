// Why the outputs of two runs differ. What went into them and is not the same is changed one cause at a time, from the
// base to the other run, and each step is executed; the change of an output is then the sum of what each step did. Here
// is which steps there are and what follows from their outputs; executing them is up to the caller. Pure and
// thread-safe.
//
//   auto plan = plan_explanation(base, other);
//   RETURN_IF_ERROR(plan);
//   RETURN_IF_ERROR(check_executable(*plan, other));
//   for (const auto& step : plan->executed()) create(step_request(other, step));   // and wait for their ends
//   Explainer explainer(*plan, compare(base_outputs, other_outputs));
//   for (const auto& step : plan->executed()) {
//     RETURN_IF_ERROR(check_step(other, run_of(step), step));
//     explainer.add(outputs_of(step));
//   }
//   auto explanation = explainer.take();
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/json_text.h"
#include "api/model_run.h"
#include "api/run_object.h"
#include "base/error.h"
#include "sweep/compare.h"
#include "sweep/pointer.h"

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

// kConflict if steps have to be executed and it is not known with which image `other` was: they could not be compared
// with it.
Result<void> check_executable(const ExplainPlan& plan, const api::ModelRun& other);

// The run that executes a step: as `other` was, but for commit and parameters. It takes the result of an identical run
// if the image has a digest. Without a digest the same name may be another image tomorrow: then it only joins an
// identical run that is still under way. `name` and `created_by` stay empty.
api::RunRequest step_request(const api::ModelRun& other, const ExplainStep& step);

// Whether what `run` has left says what the cause of `step` did. kConflict if it did not succeed; if its image, data or
// project settings are not those of `other`: the project has changed since then, and the causes would be mixed up; or
// if it is another run than step_request() has asked for.
Result<void> check_step(const api::ModelRun& other, const api::ModelRun& run, const ExplainStep& step);

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

// Makes the bridges of the numbers among compared.differences, and is given the outputs of the steps one after the
// other, so that only those of one need to be in memory. Keeps of them the numbers, each of which has at most
// Decimal::kMaxText bytes. Belongs to one thread at a time.
class Explainer {
 public:
  Explainer(const ExplainPlan& plan, const Comparison& compared, const BridgeRounding& rounding = {});

  // The outputs of the next of plan.executed().
  void add(const api::JsonText& outputs);
  // REQUIRES: add() was called for each of plan.executed(). Call it once.
  Explanation take();

 private:
  // An output on its way from the base to the other run.
  struct Way {
    std::string path;
    std::string from, to;
    std::vector<std::string> values;     // after each step that was added; empty: it has no number there
    std::optional<std::size_t> pointer;  // its index in pointers_; nullopt: the path is too long
  };

  std::vector<std::string> causes_;
  const BridgeRounding rounding_;
  std::vector<Pointer> pointers_;
  std::vector<Way> ways_;
};

}  // namespace modelrun::sweep
