// The parts of decide(), one file each. Pure, like it.
#pragma once

#include <string>
#include <string_view>

#include "controller/observed.h"
#include "controller/plan.h"
#include "controller/settings.h"
#include "controller/status.h"
#include "controller/verdict.h"

namespace modelrun::controller {

// start.cc: the run has no Job yet. Checks the spec, waits for project, source and slot, then pins the commit.
Plan start(const Observed& observed, Time now, const Settings& settings);

// follow.cc: the current attempt has a Job, or is about to get it.
Plan follow(const Observed& observed, Time now, const Settings& settings);

// steps.cc, shared by both:

// Waits for `reason`; looked at again after `again` at the latest. A wait of less than a second is not written down:
// most end before anybody could read it.
void wait_for(Plan& plan, const Observed& observed, std::string_view reason, const std::string& message, Duration again,
              Time now);

// Ends the run with `verdict`, or starts another attempt when it allows one and the limit of attempts does too.
void conclude(Plan& plan, const Observed& observed, const Verdict& verdict, const api::PodView* pod, Time now);

// Ends the run with that status, once its payload is stored.
void end(Plan& plan, Ending ending);

// Ends the run before its model ran: nothing to collect, and its Job, if any, is of no use to anybody.
void refuse(Plan& plan, const Observed& observed, api::Phase phase, std::string_view reason, std::string message,
            Time now);

// The project the run was pinned with is there no more: its active runs are cancelled.
bool project_deleted(const Observed& observed);

// Why an admitted run is to be cancelled, for status.message; empty when it is not.
std::string cancel_cause(const Observed& observed);

// The reason for an error of the source.
std::string_view source_reason(ErrorKind kind);

}  // namespace modelrun::controller
