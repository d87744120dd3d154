// The parts of decide(), one file each. Pure, like decide().
//
// Each step looks at one question, and returns a plan if it settles what happens next in this pass. It returns
// nullopt if it has nothing to say, and the next step is asked:
//
//   if (auto plan = check_project(observed, now)) return *plan;
//   if (auto plan = check_source(observed, now)) return *plan;
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/run/observed.h"
#include "controller/run/plan.h"
#include "controller/run/settings.h"
#include "controller/run/status.h"
#include "controller/run/verdict.h"

namespace modelrun::controller {

// A step's answer, as above.
using Decision = std::optional<Plan>;

// before_job.cc: the run has no Job. Checks the spec, waits for the project, the source and a slot, then pins the
// commit and has the Job created.
Plan decide_before_job(const Observed& observed, Time now, const Settings& settings);

// with_job.cc: an attempt has begun, so it has a Job or is about to get one. The top of that file describes the
// states.
Plan decide_with_job(const Observed& observed, Time now, const Settings& settings);

// False if no operator can have written the status of a run that has a Job: the Job has the name of its attempt, it is
// created only after the commit and the project's settings are recorded, and a pod has the name of a pod. Of `observed`
// only the run and as_admitted are used: of such a run nothing else is to be looked up.
bool is_sound(const Observed& observed);

// steps.cc, used by both:

// The pod with that UID; with an empty UID, the newest pod. Null if there is none.
const api::PodView* pick_pod(const Observed& observed, const std::string& uid);

// The pod that is, or may become, the attempt's: the recorded one. While none is recorded, the Job's newest; but of a
// Job that was resumed none that is being deleted: that one is of the time before. Null if there is none.
const api::PodView* attempt_pod(const Observed& observed);

// Says of a suspended Job, for people, that it is suspended, and what it waits for.
std::string suspended_words(const api::JobView& job);

// The limits that the run was admitted with; the defaults if nothing is known of them.
api::LimitsSpec limits_of(const Observed& observed);

// Whether the run fails if artifacts of it are not kept: its spec says so, or leaves it to those limits.
bool fails_on_artifact_loss(const Observed& observed);

// True if the run's status gives that reason for what it waits for or how it ended.
bool has_reason(const api::ModelRun& run, std::string_view reason);

// The run waits for `reason`, and is reconciled again after `again` at the latest. Nothing is written in the first
// second of a run that has no status yet, because most such waits end before anybody could read the status. The run
// is then reconciled again when that second is over.
Plan wait_for(const Observed& observed, std::string_view reason, const std::string& message, Duration again, Time now);

// The run ends with `verdict`, or starts another attempt: if the verdict is retryable, the attempts that count have not
// reached limits.attempts, the run is not cancelled, and the project's settings of its admission are known. `pod` is
// the attempt's pod, or null.
Plan conclude(const Observed& observed, const Verdict& verdict, const api::PodView* pod, Time now);

// The run ends with ending.status, after the payload is stored.
Plan end_with(Ending ending);

// The run ends with `phase` and `reason` before its model has run. If the attempt has a Job, it is deleted.
Plan refuse(const Observed& observed, api::Phase phase, std::string_view reason, std::string message, Time now);

// The run ends since its status is not the work of an operator. Nothing is deleted by a name that stands in it: what
// the run owns goes when its time as a finished run has come.
Plan refuse_unsound(const Observed& observed, Time now);

// Adds the creation of the attempt's Job, after the status write. Has the run reconciled again at once, because the
// Job changes the decision, unless the API server has refused the Job before.
void create_job(Plan& plan, const Observed& observed, std::int64_t attempt);

// Has the run reconciled again after `delay`, or sooner if the plan already says so.
void requeue(Plan& plan, Duration delay);

// In how long it is to be looked up why the attempt's Job has no pod; zero if it is time for that. At first a second
// after the attempt's beginning, then every 5 s, then ever less often, because each look-up makes the API server read
// the namespace's events.
Duration refusal_due(const Observed& observed);

// True if the project recorded in status.projectUID no longer exists, has been replaced by one of the same name, or
// is being deleted. Its active runs are cancelled. False if no project is recorded yet.
bool project_deleted(const Observed& observed);

// Why an admitted run has to be cancelled, for status.message. Empty if it does not have to be.
std::string cancel_cause(const Observed& observed);

// The reason (api/reason.h) for a failure to resolve or fetch the source. Errors that have no reason of their own
// count as SourceUnreachable.
std::string_view source_reason(ErrorKind kind);

// How a source that is not there yet is tried again.
struct NextTry {
  bool now = false;       // whether the back-off is over or not
  Duration look_after{};  // when the run is to be looked at again
};
// `left` is how much is left of the time in which the source may be tried; negative when it is over. The tries are up
// to half a minute apart, and by the end of the time the server may be back. So a run ends for a try that was begun
// when the time was over; or a minute later, if that try has not ended. nullopt if the run ends now: so it is, or the
// git server has given a definite answer, and would give the same one again.
std::optional<NextTry> next_try(const SourceView& source, Duration left);

}  // namespace modelrun::controller
