// The spans of a run that has ended: the run itself, and below it its parts, after status.timeline.
#pragma once

#include <vector>

#include "api/model_run.h"
#include "controller/context.h"
#include "traces/span.h"

namespace modelrun::controller {

// The trace that the run belongs to: that of its annotation, or else one whose ids follow from the run's UID, so that
// whoever asks gets the same.
api::TraceContext trace_of(const api::ModelRun& run, const traces::Tracer& tracer);

// The span "ModelRun", from the creation of the run to the write of its final status, and its children: "resolve",
// "queue" (of a run with further attempts: "queue and earlier attempts"), "pod", "model" and "record", those of them
// that began. A part that had not come to its end when the run did ends with the run. The ids follow from the UID.
// Empty for a run that has not ended. Pure. Times of other machines are shown as they are; the creation has whole
// seconds.
std::vector<traces::Span> spans_of(const api::ModelRun& run, const api::TraceContext& trace);

// Call when the end of the run has been written. Exports its spans, if there is tracing and the run's trace is sampled.
void trace_end(const Context& context, const api::ModelRun& run);

}  // namespace modelrun::controller
