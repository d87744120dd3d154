// Decides about the event of a run's end (src/cloudevents): whether it is to be sent now, and what becomes of it. Pure.
#pragma once

#include <optional>
#include <string>

#include "api/model_run.h"
#include "base/clock.h"

namespace modelrun::controller {

// What is known of an event that is owed.
struct EndEventObserved {
  Duration owed_for{};             // since the run's end was written
  Duration give_up{};              // Settings::end_events
  std::optional<Time> accepted{};  // when the sink took the event; that is not written yet
  Duration hold{};                 // the sink is to be left alone for so long; zero: it may be called now
  Duration down_for{};             // for how long it has failed, for every event
};

// One of: `end` is what becomes of the event, to be written; `wait` is in how long to look again; neither: it is to be
// sent now.
struct EndEventPlan {
  std::optional<api::EndEvent> end{};
  std::optional<Duration> wait{};
};

// Before a try. An event that is overdue is given up without one only if the sink has been down for minutes: after a
// restart, or a long time without an operator, each is tried once.
EndEventPlan decide_end_event(const EndEventObserved& observed);

// After a try that failed because of `why`. `again`: it may be tried again, after `back_off`.
EndEventPlan decide_failed_event(const EndEventObserved& observed, bool again, Duration back_off,
                                 const std::string& why);

}  // namespace modelrun::controller
