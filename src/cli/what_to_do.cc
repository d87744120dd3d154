#include "cli/what_to_do.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "api/reason.h"
#include "cli/run_view.h"
#include "cli/sweep_view.h"

namespace modelrun::cli {
namespace {

namespace reason = api::reason;

// {run}, {project} and {n} (the flag for the namespace) are replaced.
constexpr std::array kAdvice{
    std::pair{reason::kInvalidSpec, "Change what the message names, in the project or in a new run."},
    std::pair{reason::kInvalidParameters, "Start a new run with other parameters."},
    std::pair{reason::kProjectNotFound,
              "Create ModelProject {project} in this namespace, or run one that is there: "
              "kubectl get modelprojects{n}"},
    std::pair{reason::kSourceUnreachable,
              "Check spec.source.git.url of ModelProject {project} and whether the git "
              "server can be reached from the operator."},
    std::pair{reason::kSourceDenied,
              "Check the Secret in spec.source.git.secretRef of ModelProject {project}: its "
              "labels, its annotation git-host, and whether its credentials still hold."},
    std::pair{reason::kRefNotFound,
              "Check spec.source.git.url of ModelProject {project}, and name a branch, tag or commit that the "
              "repository has."},
    std::pair{reason::kSourceTooLarge, "Keep large files out of the repository, and give them as spec.data."},
    std::pair{reason::kEntryPointNotFound, "Commit the file that the message names, or run another model."},
    std::pair{reason::kImagePullFailed, "Check spec.runtime.image and imagePullSecrets of ModelProject {project}."},
    std::pair{reason::kUnschedulable,
              "Ask for fewer resources, or have nodes, quota or the policy that the message "
              "names changed."},
    std::pair{reason::kPendingTimeout,
              "See the events below for what it has waited for, then: "
              "kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kSandboxSetupFailed,
              "The node lacks what the sandbox needs: show the message to whoever manages "
              "the cluster."},
    std::pair{reason::kNonZeroExit, "The model's own failure: kubectl modelrun logs {run}{n}"},
    std::pair{reason::kSignaled, "See what the model did last: kubectl modelrun logs {run}{n}"},
    std::pair{reason::kOOMKilled,
              "Raise spec.runtime.resources.limits.memory of ModelProject {project}, or use less. "
              "/outputs, /tmp and /upstream are in memory and count."},
    std::pair{reason::kTimeout,
              "Give it more time, up to the operator's cap: kubectl modelrun rerun {run} --timeout "
              "TIME{n}"},
    std::pair{reason::kOutputsInvalid, "Change the output that the message names into what JSON can hold."},
    std::pair{reason::kOutputsTooLarge, "Write large results as files under /outputs, which are kept as artifacts."},
    std::pair{reason::kArtifactsLost,
              "Leave less under /outputs, raise limits.artifactBytes of ModelProject {project}, "
              "or set onArtifactLoss to Warn."},
    std::pair{reason::kPointsFailed,
              "See what each point has left, and why some failed: kubectl modelrun output {run}{n}"},
    std::pair{reason::kEvicted, "Nothing is wrong with the model: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kNodeLost, "Nothing is wrong with the model: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kPodDeleted, "Somebody deleted its pod: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kJobDeleted, "Somebody deleted its Job: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kAgentLost,
              "Try it again: kubectl modelrun rerun {run}{n}. If it happens again, show it to "
              "whoever manages the cluster."},
    std::pair{
        reason::kPreempted,
        "Nothing is wrong with the model: if it ended by this, kubectl modelrun rerun {run}{n}. Else it is executed "
        "again when its Job is resumed."},
    std::pair{reason::kCancelled, "To run it after all: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kInternal,
              "See the message: an object or a status that somebody else has written, or trouble that lasted too "
              "long. Anything else is a mistake in ModelRun: please report it with the run's YAML and the operator's "
              "log."},
    std::pair{reason::kQueued,
              "It starts when other runs of the project end; limits.maxConcurrentRuns of ModelProject "
              "{project} says how many may run."},
    std::pair{
        reason::kJobSuspended,
        "It goes on when whoever suspended its Job resumes it. What Kueue says of it: kubectl describe workloads{n}"},
    std::pair{reason::kBlocked, "The operator cannot go on with it: see the message."},
    std::pair{reason::kSuspended,
              "To have it go on: kubectl modelrun resume {run}{n}, unless the project itself is "
              "suspended."}};

void replace(std::string& text, std::string_view word, const std::string& by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
    text.replace(at, word.size(), by);
  }
}

// Reasons that mean something else for a sweep, {run} being its name. For other ones, what is said of a run holds
// unless it names the run.
constexpr std::array kSweepAdvice{
    std::pair{reason::kInvalidSpec, "Change what the message names, in the project or in a new sweep."},
    std::pair{reason::kInvalidParameters, "Start a new sweep with other parameters."},
    std::pair{reason::kPointsFailed, "See why the points failed: kubectl modelrun output modelsweep/{run}{n}"},
    std::pair{reason::kTooManyFailedPoints,
              "See why the points failed: kubectl modelrun output modelsweep/{run}{n}. Then mend the model, or start a "
              "sweep with a higher --max-failed."},
    std::pair{reason::kOutputsTooLarge, "Start a new sweep that names the outputs which matter, with --outputs."},
    std::pair{
        reason::kSuspended,
        "To have it go on: kubectl modelrun resume modelsweep/{run}{n}, unless the project itself is suspended."}};

struct Subject {
  std::string reason, name, project, namespace_;
};

template <class Table>
std::string advice_in(const Table& table, const Subject& subject) {
  const auto* const found = std::ranges::find(table, subject.reason, [](const auto& row) { return row.first; });
  return found == table.end() ? std::string() : found->second;
}

std::string filled_in(std::string text, const Subject& subject) {
  replace(text, "{run}", subject.name);
  replace(text, "{project}", subject.project);
  replace(text, "{n}", " -n " + subject.namespace_);
  return text;
}

}  // namespace

std::string what_to_do(const api::ModelSweep& sweep) {
  const Subject subject{reason_of(sweep), sweep.meta.name, sweep.spec.project, sweep.meta.namespace_};
  auto text = advice_in(kSweepAdvice, subject);
  if (text.empty()) {
    text = advice_in(kAdvice, subject);
    if (text.find("{run}") != std::string::npos) return {};
  }
  return filled_in(std::move(text), subject);
}

std::string what_to_do(const api::ModelRun& run) {
  const Subject subject{reason_of(run), run.meta.name, run.spec.project, run.meta.namespace_};
  return filled_in(advice_in(kAdvice, subject), subject);
}

}  // namespace modelrun::cli
