#include "controller/run/end_event.h"

#include <algorithm>

#include "base/printable.h"

namespace modelrun::controller {
namespace {

constexpr std::size_t kMaxWhyBytes = 512;
// A few events that the sink refuses are enough to have it held to be down for a moment.
constexpr std::chrono::minutes kSurelyDown{5};

Duration left(const EndEventObserved& observed) {
  return observed.give_up - observed.owed_for;
}

EndEventPlan give_up(const std::string& why) {
  return {.end = api::EndEvent{api::EndEventState::kGivenUp, std::nullopt, printable(why, kMaxWhyBytes)}};
}

EndEventPlan too_late(const EndEventObserved& observed, const std::string& why) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(observed.give_up).count();
  return give_up(fmt::format("not delivered within {} s of the run's end: {}", seconds, why));
}

}  // namespace

EndEventPlan decide_end_event(const EndEventObserved& observed) {
  if (observed.accepted) return {.end = api::EndEvent{api::EndEventState::kDelivered, observed.accepted, {}}};
  if (observed.hold <= Duration::zero()) return {};
  const bool overdue = left(observed) <= Duration::zero();
  if (overdue && observed.down_for >= kSurelyDown) return too_late(observed, "the receiver takes no events");
  return {.wait = overdue ? observed.hold : std::min(observed.hold, left(observed))};
}

EndEventPlan decide_failed_event(const EndEventObserved& observed, bool again, Duration back_off,
                                 const std::string& why) {
  if (!again) return give_up(why);
  if (left(observed) <= Duration::zero()) return too_late(observed, why);
  return {.wait = std::min(back_off, left(observed))};
}

}  // namespace modelrun::controller
