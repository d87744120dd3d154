// The status of a run, step by step. Pure: each function takes the status that stands and gives the next one.
#pragma once

#include <string>
#include <string_view>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "api/workload.h"
#include "controller/observed.h"
#include "controller/verdict.h"

namespace modelrun::controller {

// Bytes of each end of a stream that stand in status; more is in the payload.
inline constexpr std::size_t kInlineStreamBytes = 4096;
inline constexpr std::size_t kInlineOutputBytes = 64 * 1024;
// Of one ConfigMap of the payload (the API server's limit for an object is 1.5 MiB, etcd's 1 MiB for a ConfigMap).
inline constexpr std::size_t kPayloadPartBytes = 768 * 1024;

// Still waiting, for `reason`. `message` is for people.
api::ModelRunStatus waiting(const Observed& observed, std::string_view reason, const std::string& message, Time now);

// The run is admitted: commit and the project's present settings are pinned, and attempt number `attempt` is about to
// get its Job.
api::ModelRunStatus pinned(const Observed& observed, std::int64_t number, std::int64_t attempt, std::string image,
                           Time now);

// The run waits for the result of observed.other, with its own commit pinned.
api::ModelRunStatus joined(const Observed& observed, Time now);

// The next attempt of an admitted run is about to get its Job, with all that was pinned.
api::ModelRunStatus retried(const Observed& observed, Time now);

// `claim`'s pod is the one that may execute this attempt.
api::ModelRunStatus running(const Observed& observed, const Claim& claim, const api::PodView* pod, Time now);

// The end. `frame` may be null: then what was printed and computed is lost, and `verdict.message` says so.
struct Ending {
  api::ModelRunStatus status;
  // Non-empty when the result is larger than what stands in status: the parts of the payload, named by
  // status.result_ref.
  std::vector<std::string> payload;
};
Ending ended(const Observed& observed, const Verdict& verdict, const api::ResultFrame* frame, const api::PodView* pod,
             Time now);
// The end, with the result of observed.other: all that the model did is the other's, the way to it the run's own.
Ending reused(const Observed& observed, Time now);

}  // namespace modelrun::controller
