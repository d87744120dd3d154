// The event that tells of a run's end, in the JSON format of CloudEvents. Pure.
// Source: CloudEvents 1.0, JSON event format and distributed tracing extension (https://github.com/cloudevents/spec).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/model_run.h"

namespace modelrun::cloudevents {

inline constexpr std::string_view kContentType = "application/cloudevents+json";
// The most that the body of run_end() has, whatever stands in the run.
inline constexpr std::size_t kMaxEventBytes = std::size_t{12} << 10U;
// Of the keys and values of the run's labels in it, together; those that come later by name are left out.
inline constexpr std::size_t kMaxLabelBytes = std::size_t{2} << 10U;
inline constexpr std::size_t kMaxSourceBytes = 256;

// An event as it is sent.
struct Event {
  std::string id;  // the same for each try, so that whoever gets it twice can tell
  std::string body;
};

// "dev.modelrun.run.succeeded", .failed, .timedout or .cancelled. REQUIRES: `phase` is final.
std::string_view type_of(api::Phase phase);

// The event of a run that has ended; its id follows from the run's UID. `source` (at most kMaxSourceBytes) names the
// installation; the event's source is that with "/namespaces/NAMESPACE" after it. It has what identifies the run, how
// and when it ended, and its labels, but neither outputs, nor streams, nor a message, which may have the model's own
// words: they are for those who may read the run. REQUIRES: the run's phase is final.
Event run_end(const api::ModelRun& run, std::string_view source);

}  // namespace modelrun::cloudevents
