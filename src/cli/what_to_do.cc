#include "cli/what_to_do.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "api/reason.h"
#include "cli/run_view.h"

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
    std::pair{reason::kEvicted, "Nothing is wrong with the model: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kNodeLost, "Nothing is wrong with the model: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kPodDeleted, "Somebody deleted its pod: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kJobDeleted, "Somebody deleted its Job: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kAgentLost,
              "Try it again: kubectl modelrun rerun {run}{n}. If it happens again, show it to "
              "whoever manages the cluster."},
    std::pair{reason::kCancelled, "To run it after all: kubectl modelrun rerun {run}{n}"},
    std::pair{reason::kInternal,
              "See the message: an object or a status that somebody else has written, or trouble that lasted too "
              "long. Anything else is a mistake in ModelRun: please report it with the run's YAML and the operator's "
              "log."},
    std::pair{reason::kQueued,
              "It starts when other runs of the project end; limits.maxConcurrentRuns of ModelProject "
              "{project} says how many may run."},
    std::pair{reason::kBlocked, "The operator cannot go on with it: see the message."},
    std::pair{reason::kSuspended,
              "To have it go on: kubectl modelrun resume {run}{n}, unless the project itself is "
              "suspended."}};

void replace(std::string& text, std::string_view word, const std::string& by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
    text.replace(at, word.size(), by);
  }
}

}  // namespace

std::string what_to_do(const api::ModelRun& run) {
  const auto why = reason_of(run);
  const auto* const found = std::ranges::find(kAdvice, why, [](const auto& row) { return row.first; });
  if (found == kAdvice.end()) return {};
  std::string text = found->second;
  replace(text, "{run}", run.meta.name);
  replace(text, "{project}", run.spec.project);
  replace(text, "{n}", " -n " + run.meta.namespace_);
  return text;
}

}  // namespace modelrun::cli
