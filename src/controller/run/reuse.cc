#include "controller/run/reuse.h"

#include <algorithm>
#include <array>

#include "api/reason.h"
#include "api/strict_json.h"
#include "base/encoding.h"
#include "controller/run/limits.h"

namespace modelrun::controller {
namespace {

namespace reason = api::reason;

// True for a failure that an identical run would meet too: a failure of the model itself, or a model that did not
// start within limits.pendingSeconds. The second kind matters for a burst of runs whose image does not exist:
// otherwise they would fail one after the other, each after its full waiting time. False for a run that a person or a
// lost node has ended.
bool would_fail_again(const api::ModelRunStatus& status) {
  constexpr std::array kLasting = {reason::kNonZeroExit,    reason::kSignaled,        reason::kOOMKilled,
                                   reason::kTimeout,        reason::kOutputsInvalid,  reason::kOutputsTooLarge,
                                   reason::kPendingTimeout, reason::kImagePullFailed, reason::kEntryPointNotFound,
                                   reason::kUnschedulable};
  if (!status.error || std::ranges::find(kLasting, status.error->reason) == kLasting.end()) return false;
  // A Timeout without an exit code means that the pod's own deadline passed, which may have had any cause.
  return status.error->reason != reason::kTimeout || status.exit_code;
}

bool has_data(const api::DataSpec& data) {
  return !data.claim_name.empty() || !data.config_map.empty();
}

}  // namespace

std::string image_of(const api::ModelProject& project, const Settings& settings) {
  return project.runtime.image.empty() ? settings.default_image : project.runtime.image;
}

std::string identity_of(const api::ModelRun& run, const api::ModelProject& project, const std::string& commit,
                        const std::map<std::string, std::string>& secrets, const Settings& settings) {
  if (has_data(project.data) && project.data.snapshot_ref.empty()) return {};
  const auto& parameters = run.spec.parameters;
  nlohmann::json parts = {{"namespace", run.meta.namespace_},
                          {"projectUID", project.meta.uid},
                          {"projectGeneration", project.meta.generation},
                          {"secrets", secrets},
                          {"commitSHA", commit},
                          {"entryPoint", run.spec.entry_point()},
                          {"parametersDigest", parameters ? parameters->digest() : ""},
                          {"image", image_of(project, settings)},
                          {"dataSnapshotRef", project.data.snapshot_ref},
                          {"timeoutSeconds", timeout_seconds(run.spec, project.limits, settings)}};
  if (const auto& points = run.spec.points) {
    parts["points"] = {{"digest", points->digest()},
                       {"timeoutSeconds", run.spec.point_timeout_seconds.value_or(0)},
                       {"maxFailed", run.spec.max_failed_points.value_or(-1)}};
  }
  if (const auto& fails = run.spec.fail_on_artifact_loss) parts["failOnArtifactLoss"] = *fails;
  return "sha256:" + sha256_hex(api::canonical_json(parts));
}

Use use_of(const api::ModelRun& other, std::string_view identity, api::Reuse wish) {
  const auto& status = other.status;
  if (wish == api::Reuse::kNever || identity.empty() || other.meta.deleting()) return Use::kNone;
  const bool known = !status.identity.empty();
  if (known && status.identity != identity) return Use::kNone;
  if (api::is_final(status.phase)) {
    const bool success = status.phase == api::Phase::kSucceeded;
    return known && (success || (wish == api::Reuse::kJoin && would_fail_again(status))) ? Use::kTake : Use::kNone;
  }
  const bool goes_on = !other.spec.cancel && !other.spec.suspend && !status.reused_from;
  const bool may_be_identical = known || status.job_name.empty();  // or not admitted yet
  return wish == api::Reuse::kJoin && goes_on && may_be_identical ? Use::kWait : Use::kNone;
}

}  // namespace modelrun::controller
