// Takes the event of a run's end to the sink, and writes down what became of it.
#pragma once

#include <stop_token>
#include <string>

#include "controller/context.h"
#include "runtime/workers.h"

namespace modelrun::controller {

// One pass over the run with this key. Does nothing for a run that owes no event. Else one try at most, whose event is
// made from the run as the API server has it, and one status write if that settles the matter. The try and the write
// are two steps: when the process dies between them, or the write fails, the event is sent again, with the same id.
// Blocks; safe to call from many threads for different runs. REQUIRES: context.sink is not null, and
// context.settings.end_events has a value.
runtime::ReconcileResult deliver_end_event(const Context& context, const std::string& key, std::stop_token stop);

// Sets the gauges of the events that are owed.
void report_owed_events(runtime::Metrics& metrics, const OwedEvents::Counts& counts);

}  // namespace modelrun::controller
