// Builds the next status of a run, with one function for each step of its life. Pure: each function starts from the
// status of observed.run and returns the new one. All of them set the conditions and observedGeneration, and none
// writes anything.
#pragma once

#include <string>
#include <string_view>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "api/workload.h"
#include "controller/run/observed.h"
#include "controller/run/verdict.h"

namespace modelrun::controller {

// How many bytes of the beginning, and of the end, of stdout and stderr are kept in status. A longer stream is in the
// payload.
inline constexpr std::size_t kInlineStreamBytes = 4096;
// Outputs that are larger than this as canonical JSON are only in the payload.
inline constexpr std::size_t kInlineOutputBytes = 64 * 1024;

// The run waits for `reason`, one of api/reason.h. `message` is for people. A phase that is set stays.
api::ModelRunStatus waiting(const Observed& observed, std::string_view reason, const std::string& message, Time now);

// The run is admitted with run number `number`, and attempt `attempt` is about to get its Job. Records the commit,
// the project's present settings, the identity and `image`. observed.project must not be null.
api::ModelRunStatus pinned(const Observed& observed, std::int64_t number, std::int64_t attempt, std::string image,
                           Time now);

// The run is admitted as by pinned(), and adopts the standby `offer`: its pod is recorded, and the phase is Running.
api::ModelRunStatus adopted(const Observed& observed, std::int64_t number, std::int64_t attempt, std::string image,
                            const StandbyOffer& offer, Time now);

// The run waits for the result of observed.other.run, which must not be null, and neither must observed.project.
// Records the run's own commit.
api::ModelRunStatus joined(const Observed& observed, Time now);

// The next attempt of an admitted run is about to get its Job. What pinned() recorded stays.
api::ModelRunStatus retried(const Observed& observed, Time now);

// The pod of `claim` may execute the attempt: it is recorded in status, and the phase is Running. `pod` is that pod,
// or null if it is not known.
api::ModelRunStatus running(const Observed& observed, const Claim& claim, const api::PodView* pod, Time now);

// The rows `rows` are stored, and the model runs on.
api::ModelRunStatus counted(const Observed& observed, const StoredRows& rows, Time now);

// A final status, and the part of the result that is too large for it.
struct Ending {
  api::ModelRunStatus status;
  // The parts of the payload, as base64, one for each name in status.result_ref. Empty if everything is in status, or
  // if the API server has refused the payload kPayloadTries times. These parts must be stored before the status is
  // written.
  std::vector<std::string> payload;
};
// Which artifacts of `frame` are not kept, for people, if that fails the run (fails_on_artifact_loss()). Empty if all
// are kept, or if the loss is only a warning.
std::string fatal_loss(const Observed& observed, const api::ResultFrame& frame);
// The run ends with `verdict`. `frame` is the attempt's result, and null if it is lost: then status has no output of
// the model, and only verdict.message says what happened. `pod` may be null.
Ending ended(const Observed& observed, const Verdict& verdict, const api::ResultFrame* frame, const api::PodView* pod,
             Time now);
// What is written of the final status `whole` when the API server refuses it for good, for the reason `why`: its
// least_of(). A success that named artifacts is the failure ArtifactsLost if fails_on_artifact_loss(), since
// whoever reads the status does not find them.
api::ModelRunStatus refused_end(const Observed& observed, const api::ModelRunStatus& whole, const std::string& why,
                                Time now);
// The run ends with the result of observed.other.run, which must have ended. Phase, exit code, streams, outputs and
// provenance are those of the other run. Number, branch, commit and timeline are the run's own.
Ending reused(const Observed& observed, Time now);

}  // namespace modelrun::controller
