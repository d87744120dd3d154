// What `describe` prints of a run: all that a person needs, on one page. Pure. Texts may contain what a model or a
// cluster wrote: they are not escaped here, but by the Console.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace modelrun::cli {

// An event of the run, of its Job or of its pod.
struct ShownEvent {
  Time last;  // when it was last seen
  std::string kind, type, reason, note;
  std::int64_t count = 1;  // how often it was seen
};
// Decodes an object of events.k8s.io/v1. `kind` is "" if the event does not say whom it is about.
ShownEvent decode_event(const nlohmann::json& object);

// The page of `run`, a ModelRun. `events` in any order; or why they cannot be shown. Ages are measured until `now`.
std::string describe(const nlohmann::json& run, const Result<std::vector<ShownEvent>>& events, Time now);

}  // namespace modelrun::cli
