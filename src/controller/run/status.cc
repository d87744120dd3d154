#include "controller/run/status.h"

#include <algorithm>
#include <utility>

#include "api/reason.h"
#include "api/strict_json.h"
#include "base/encoding.h"
#include "base/packed_document.h"
#include "base/printable.h"
#include "controller/run/bounds.h"
#include "controller/run/limits.h"
#include "controller/run/steps.h"

namespace modelrun::controller {
namespace {

using api::ConditionStatus;
using api::ModelRunStatus;
using api::Phase;

// The values of the conditions.
struct Say {
  ConditionStatus succeeded, finished, reconciling;
  bool stalled = false;
};

void set_conditions(const Observed& observed, ModelRunStatus& status, const Say& say, std::string_view reason,
                    const std::string& message, Time now) {
  const auto generation = observed.run->meta.generation;
  const auto set = [&](const char* type, ConditionStatus value) {
    api::set_condition(status.conditions, {type, value, std::string(reason), message, now, generation});
  };
  set("Succeeded", say.succeeded);
  set("Finished", say.finished);
  set("Reconciling", say.reconciling);
  // kstatus looks at Stalled only when it is True, so the condition is added only then.
  if (say.stalled) set("Stalled", ConditionStatus::kTrue);
}

// The present status, without what no longer holds, as the start of the next one.
ModelRunStatus next_status(const Observed& observed) {
  ModelRunStatus status = observed.run->status;
  status.observed_generation = observed.run->meta.generation;
  status.run_id = observed.run->meta.uid;
  if (!status.timeline.accepted) status.timeline.accepted = observed.run->meta.creation;
  if (status.job_name.empty()) {
    // These two must describe the present state only. pinned() and joined() set them again where they hold.
    status.identity.clear();
    status.reused_from.reset();
    // The run may have joined another run under a project that has been replaced since.
    if (status.attempts == 0) {
      status.project_uid.clear();
      status.project_generation = 0;
    }
  }
  return status;
}

// A further attempt gets a pod of its own: the loss of the one before may have had a cause that standbys share.
constexpr std::string_view kRetryStartsCold = "FurtherAttempt";

constexpr Say kUnderWay{ConditionStatus::kUnknown, ConditionStatus::kFalse, ConditionStatus::kTrue};

// The stream for status: all of it if it is short, else its first and last `kInlineStreamBytes`, cut at UTF-8
// boundaries. Sets `truncated` in the second case.
std::string inline_text(const api::CapturedStream& stream, bool& truncated) {
  if (!stream.truncated() && stream.head.size() <= 2 * kInlineStreamBytes) return stream.head;
  truncated = true;
  const auto first = utf8_front(stream.head, kInlineStreamBytes);
  const auto last = utf8_back(stream.truncated() ? stream.tail : stream.head, kInlineStreamBytes);
  const auto kept = first.size() + last.size();
  const auto left_out = stream.total_bytes > kept ? stream.total_bytes - kept : 0;
  return fmt::format("{}\n[... {} bytes left out ...]\n{}", first, left_out, last);
}

void add_warning(ModelRunStatus& status, const std::string& text) {
  status.warning = status.warning.empty() ? text : status.warning + "; " + text;
}

void take_streams(const api::ResultFrame& frame, ModelRunStatus& status) {
  status.out = inline_text(frame.out, status.out_truncated);
  status.err = inline_text(frame.err, status.err_truncated);
}

// Returns false if the outputs are too large for status.
bool take_outputs(const api::ResultFrame& frame, ModelRunStatus& status) {
  if (!frame.outputs) return true;
  const std::string canonical = api::canonical_json(*frame.outputs);
  status.provenance.outputs_digest = "sha256:" + sha256_hex(canonical);
  if (canonical.size() > kInlineOutputBytes) return false;
  status.outputs = frame.outputs;
  return true;
}

void take_artifacts(const api::ResultFrame& frame, ModelRunStatus& status) {
  for (const auto& artifact : frame.artifacts) {
    status.artifacts.push_back(
        {artifact.name, artifact.size, artifact.sha256, artifact.media_type, artifact.bytes.has_value()});
  }
}

// Sets status.resultRef, and returns the parts of the payload for the ConfigMaps that it names.
std::vector<std::string> make_payload(const api::ResultFrame& frame, const api::ObjectMeta& run,
                                      ModelRunStatus& status) {
  auto packed = pack_document(api::encode_frame(frame));
  api::ResultRef ref{{}, std::move(packed.sha256), packed.bytes};
  for (std::size_t i = 1; i <= packed.parts.size(); ++i) {
    // The name contains the digest, so a ConfigMap that exists under this name has the same content.
    ref.config_maps.push_back(fmt::format("{}-{}-{}", child_name(run, status.attempts), ref.sha256.substr(0, 8), i));
  }
  status.result_ref = std::move(ref);
  return std::move(packed.parts);
}

// Puts the frame into status. Returns false if status does not hold everything.
bool take_frame(const api::ResultFrame& frame, ModelRunStatus& status) {
  take_streams(frame, status);
  take_artifacts(frame, status);
  const bool outputs_fit = take_outputs(frame, status);
  status.provenance.rings = printable(frame.rings, 64);
  if (!frame.artifact_loss.empty()) add_warning(status, frame.artifact_loss);
  if (!frame.warning.empty()) add_warning(status, frame.warning);
  const bool bytes_stored = std::ranges::any_of(frame.artifacts, [](const auto& a) { return a.bytes.has_value(); });
  status.truncated = !outputs_fit || status.out_truncated || status.err_truncated;
  return !status.truncated && !bytes_stored;
}

Time end_time(const api::ResultFrame* frame, const api::PodView* pod, Time now) {
  if (frame != nullptr && frame->exit.finished_at) return *frame->exit.finished_at;
  if (pod != nullptr && pod->model.finished_at) return *pod->model.finished_at;
  return now;
}

// Longer than any model runs (limits.timeoutSeconds). A record that says more is wrong.
constexpr std::chrono::hours kLongestRun{48};

// startedAt is told while the model runs, and never moves after that. The record of the model's process comes with its
// end and has the node's clock: the timeline shows it as it is, and finishedAt lies as long after startedAt as the
// process ran.
void take_times(const api::ResultFrame* frame, const api::PodView* pod, ModelRunStatus& status, Time now) {
  const Time end = end_time(frame, pod, now);
  const auto begun = frame != nullptr ? frame->exit.started_at : std::nullopt;
  if (!status.started_at) status.started_at = begun;
  status.timeline.started = begun ? begun : status.started_at;
  status.timeline.finished = status.finished_at = end;
  if (!status.started_at) return;
  const Duration ran = end - status.timeline.started.value_or(end);
  status.finished_at = *status.started_at + std::clamp<Duration>(ran, Duration::zero(), kLongestRun);
}

void take_pod(const api::PodView& pod, ModelRunStatus& status) {
  status.node_name = pod.node;
  // A standby's pod got its node before there was the run.
  if (!status.timeline.scheduled && !status.timeline.adopted) status.timeline.scheduled = pod.scheduled_at;
  if (!pod.model.image_id.empty()) status.provenance.image_id = pod.model.image_id;
}

// Records the commit, if it is known and none is recorded yet. All attempts of the run use the same commit.
void take_source(const SourceView& source, ModelRunStatus& status, Time now) {
  if (!status.commit_sha.empty() || source.commit.empty()) return;
  status.commit_sha = source.commit;
  status.branch = source.branch;
  status.timeline.resolved = now;
  if (!source.sha256.empty()) status.provenance.source_digest = "sha256:" + source.sha256;
}

// For a run that ends, possibly before its admission: records what is known of its commit, number and project.
void take_known(const Observed& observed, ModelRunStatus& status, Time now) {
  take_source(observed.source, status, now);
  if (status.run_number == 0) status.run_number = observed.admitted_number.value_or(0);
  if (status.project_uid.empty() && observed.project) {
    status.project_uid = observed.project->meta.uid;
    status.project_generation = observed.project->meta.generation;
  }
}

// Makes the payload of a frame that status does not hold whole, unless the API server has refused it too often. An end
// with only what fits into status is better than a run that never ends.
void add_payload(const Observed& observed, const api::ResultFrame& frame, Ending& ending) {
  if (observed.payload_refusals < kPayloadTries) {
    ending.payload = make_payload(frame, observed.run->meta, ending.status);
    return;
  }
  ending.status.identity.clear();  // an incomplete result must not be reused by other runs
  for (auto& artifact : ending.status.artifacts) artifact.stored = false;
  add_warning(ending.status, fmt::format("what does not stand here is lost, the full result was not stored: {}",
                                         observed.payload_error));
}

void set_end(const Observed& observed, ModelRunStatus& status, std::string_view reason, Time now) {
  status.timeline.recorded = now;
  const bool success = status.phase == Phase::kSucceeded;
  set_conditions(observed, status,
                 {success ? ConditionStatus::kTrue : ConditionStatus::kFalse, ConditionStatus::kTrue,
                  ConditionStatus::kFalse, !success},
                 reason, status.message, now);
}

// Makes the success of `status` the failure ArtifactsLost. Returns false, and does nothing, without a loss or a
// success.
bool fail_for_loss(ModelRunStatus& status, const std::string& loss) {
  auto verdict = judge_loss({status.phase, {}, status.message, status.exit_code, false}, loss);
  if (verdict.phase == status.phase) return false;
  status.phase = verdict.phase;
  status.message = verdict.message;
  status.error = api::RunError{std::move(verdict.reason), std::move(verdict.message)};
  return true;
}

// Copies what describes the model and its result from the status of another run.
void take_result(const ModelRunStatus& from, ModelRunStatus& status) {
  status.phase = from.phase;
  status.exit_code = from.exit_code;
  status.started_at = from.started_at;
  status.finished_at = from.finished_at;
  status.out = from.out;
  status.err = from.err;
  status.out_truncated = from.out_truncated;
  status.err_truncated = from.err_truncated;
  status.outputs = from.outputs;
  status.truncated = from.truncated;
  status.artifacts = from.artifacts;
  status.error = from.error;
  status.warning = from.warning;
  status.data_snapshot_ref = from.data_snapshot_ref;
  status.project_uid = from.project_uid;
  status.project_generation = from.project_generation;
  status.provenance = from.provenance;
}

// Attempt `attempt` begins. What belongs to the attempt before it is cleared: in the end, status shows the last
// attempt.
ModelRunStatus new_attempt(const Observed& observed, std::int64_t attempt, Time now) {
  ModelRunStatus status = next_status(observed);
  status.phase = Phase::kPending;
  status.attempts = attempt;
  status.job_name = child_name(observed.run->meta, attempt);
  status.pod_name.clear();
  status.pod_uid.clear();
  status.node_name.clear();
  status.started_at.reset();
  status.timeline.started.reset();
  status.timeline.scheduled.reset();
  status.timeline.adopted.reset();
  status.timeline.job_resumed.reset();
  status.timeline.job_created = now;
  status.job_suspended = false;
  status.provenance.start.clear();
  status.provenance.cold_reason.clear();
  status.message = attempt > 1 ? fmt::format("starting attempt {}", attempt) : "starting";
  set_conditions(observed, status, kUnderWay, attempt > 1 ? api::reason::kRetrying : api::reason::kStarting,
                 status.message, now);
  return status;
}

// The pod may execute the attempt. `pod` is null if it is not known beyond its name and UID.
void set_running(const Observed& observed, ModelRunStatus& status, const std::string& pod_name,
                 const std::string& pod_uid, const api::PodView* pod, Time now) {
  status.phase = Phase::kRunning;
  status.pod_name = pod_name;
  status.pod_uid = pod_uid;
  if (!status.started_at) status.started_at = now;
  if (pod != nullptr) take_pod(*pod, status);
  status.message = "the model is running";
  set_conditions(observed, status, kUnderWay, api::reason::kRunning, status.message, now);
}

}  // namespace

ModelRunStatus waiting(const Observed& observed, std::string_view reason, const std::string& message, Time now) {
  ModelRunStatus status = next_status(observed);
  if (status.phase == Phase::kNone) status.phase = Phase::kPending;
  status.message = message;
  if (reason == api::reason::kQueued && !status.timeline.queued) status.timeline.queued = now;
  set_conditions(observed, status, kUnderWay, reason, message, now);
  return status;
}

ModelRunStatus pinned(const Observed& observed, std::int64_t number, std::int64_t attempt, std::string image,
                      Time now) {
  ModelRunStatus status = new_attempt(observed, attempt, now);
  status.run_number = number;
  status.provenance.image = std::move(image);
  take_source(observed.source, status, now);
  if (!status.timeline.queued) status.timeline.queued = now;
  status.project_uid = observed.project->meta.uid;
  status.project_generation = observed.project->meta.generation;
  status.project_spec = observed.project->run_settings;
  status.identity = observed.identity;
  status.data_snapshot_ref = observed.project->data.snapshot_ref;
  const auto& spec = observed.run->spec;
  if (const auto& given = spec.points ? spec.points : spec.parameters) {
    status.provenance.parameters_digest = given->digest();
  }
  if (spec.points && !status.points) status.points = api::PointsStatus{spec.point_count, 0, 0, {}};
  if (!observed.cold_reason.empty()) {
    status.provenance.start = api::kStartCold;
    status.provenance.cold_reason = observed.cold_reason;
  }
  return status;
}

ModelRunStatus adopted(const Observed& observed, std::int64_t number, std::int64_t attempt, std::string image,
                       const StandbyOffer& offer, Time now) {
  ModelRunStatus status = pinned(observed, number, attempt, std::move(image), now);
  status.job_name = offer.job.name;
  status.timeline.job_created.reset();
  status.timeline.adopted = now;
  status.provenance.start = api::kStartWarm;
  status.provenance.cold_reason.clear();
  set_running(observed, status, offer.pod->meta.name, offer.pod->meta.uid, offer.pod.get(), now);
  return status;
}

ModelRunStatus joined(const Observed& observed, Time now) {
  const auto& other = *observed.other.run;
  const auto& before = observed.run->status.reused_from;
  ModelRunStatus status = next_status(observed);
  status.phase = Phase::kPending;
  take_source(observed.source, status, now);
  status.project_uid = observed.project->meta.uid;
  status.project_generation = observed.project->meta.generation;
  status.identity = observed.identity;
  // The other run may get its number later. That alone is not worth a write, so the reference stays as it is.
  status.reused_from = before && before->uid == other.meta.uid
                           ? before
                           : api::RunRef{other.meta.name, other.meta.uid, other.status.run_number};
  status.message = fmt::format("waiting for the result of run {}, which is identical", other.meta.name);
  set_conditions(observed, status, kUnderWay, api::reason::kJoined, status.message, now);
  return status;
}

ModelRunStatus retried(const Observed& observed, Time now) {
  const bool had_start = !observed.run->status.provenance.start.empty();
  ModelRunStatus status = new_attempt(observed, observed.run->status.attempts + 1, now);
  if (had_start) {
    status.provenance.start = api::kStartCold;
    status.provenance.cold_reason = kRetryStartsCold;
  }
  return status;
}

ModelRunStatus running(const Observed& observed, const Claim& claim, const api::PodView* pod, Time now) {
  ModelRunStatus status = next_status(observed);
  set_running(observed, status, claim.pod_name, claim.pod_uid, pod, now);
  return status;
}

ModelRunStatus counted(const Observed& observed, const StoredRows& rows, Time now) {
  const auto total = observed.run->spec.point_count;
  ModelRunStatus status = waiting(observed, api::reason::kRunning,
                                  fmt::format("the model is running: {} of {} points are done, {} failed",
                                              rows.succeeded + rows.failed, total, rows.failed),
                                  now);
  status.points = api::PointsStatus{total, rows.succeeded, rows.failed, rows.config_maps};
  return status;
}

std::string fatal_loss(const Observed& observed, const api::ResultFrame& frame) {
  if (!fails_on_artifact_loss(observed)) return {};
  if (!frame.artifact_loss.empty()) return frame.artifact_loss;
  const bool any = std::ranges::any_of(frame.artifacts, [](const auto& each) { return each.bytes.has_value(); });
  if (!any || observed.payload_refusals < kPayloadTries) return {};
  return fmt::format("the full result, which holds the artifacts, was not stored: {}", observed.payload_error);
}

Ending ended(const Observed& observed, const Verdict& verdict, const api::ResultFrame* frame, const api::PodView* pod,
             Time now) {
  Ending ending{next_status(observed), {}};
  ModelRunStatus& status = ending.status;
  status.phase = verdict.phase;
  status.exit_code = verdict.exit_code;
  status.message = verdict.message;
  if (verdict.phase != Phase::kSucceeded) status.error = api::RunError{verdict.reason, verdict.message};
  take_known(observed, status, now);
  if (const auto& points = observed.points) {
    const auto& rows = points->stored;
    status.points = api::PointsStatus{observed.run->spec.point_count, rows.succeeded, rows.failed, rows.config_maps};
  }
  // No further attempt needs the project's settings, and a finished run may be kept for long.
  status.project_spec.reset();
  if (pod != nullptr) take_pod(*pod, status);
  if (frame != nullptr && !take_frame(*frame, status)) add_payload(observed, *frame, ending);
  if (frame != nullptr && frame->partial) status.identity.clear();  // must not be reused by other runs
  take_times(frame, pod, status, now);
  set_end(observed, status, verdict.reason, now);
  return ending;
}

ModelRunStatus refused_end(const Observed& observed, const ModelRunStatus& whole, const std::string& why, Time now) {
  ModelRunStatus status = least_of(whole, why);
  if (whole.artifacts.empty() || !fails_on_artifact_loss(observed)) return status;
  const auto loss = "the API server refused the whole status, which names the artifacts: " + why;
  if (!fail_for_loss(status, loss)) return status;
  status.identity.clear();
  set_end(observed, status, status.error->reason, now);
  return least_of(std::move(status), why);
}

Ending reused(const Observed& observed, Time now) {
  const auto& other = *observed.other.run;
  const auto& from = other.status;
  Ending ending{next_status(observed), {}};
  ModelRunStatus& status = ending.status;
  take_source(observed.source, status, now);
  take_result(from, status);
  status.identity = observed.identity;
  // If the other run has taken its result from a third one, refer to that one.
  status.reused_from = from.reused_from.value_or(api::RunRef{other.meta.name, other.meta.uid, from.run_number});
  status.message = from.reused_from ? from.message : fmt::format("as run {}: {}", other.meta.name, from.message);
  // The other run's ConfigMaps are deleted with it, so this run needs its own.
  if (observed.other.full) {
    add_payload(observed, *observed.other.full, ending);
    fail_for_loss(status, fatal_loss(observed, *observed.other.full));
  }
  set_end(observed, status, status.error ? status.error->reason : std::string(api::reason::kSucceeded), now);
  return ending;
}

}  // namespace modelrun::controller
