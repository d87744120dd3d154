#include "controller/observe_refusal.h"

#include <optional>
#include <string_view>
#include <utility>

#include "api/json_access.h"
#include "base/clock.h"

namespace modelrun::controller {
namespace {

// There are few: the Job controller's event recorder counts a repetition in the event that is there.
constexpr int kMostEvents = 50;

// When the event was last repeated. The recorders of different Kubernetes versions set different fields.
Time last_seen(const kube::Json& event) {
  std::optional<Time> newest = api::time_at(api::member(event, "metadata"), "creationTimestamp");
  const auto& series = api::member(event, "series");
  for (const auto& time : {api::time_at(event, "eventTime"), api::time_at(event, "deprecatedLastTimestamp"),
                           api::time_at(series, "lastObservedTime")}) {
    if (time && (!newest || *time > *newest)) newest = time;
  }
  return newest.value_or(Time{});
}

}  // namespace

std::string newest_refusal(const std::vector<kube::Json>& events) {
  std::string_view note;
  Time seen{};
  for (const auto& event : events) {
    const auto& text = api::member(event, "note");
    if (!text.is_string()) continue;
    if (const auto time = last_seen(event); note.empty() || time >= seen) {
      note = text.get_ref<const std::string&>();
      seen = time;
    }
  }
  constexpr std::string_view kPrefix = "Error creating: ";
  if (note.starts_with(kPrefix)) note.remove_prefix(kPrefix.size());
  return std::string(note);
}

Result<std::string> read_refusal(const Context& context, const api::ObjectMeta& job, std::stop_token stop) {
  const kube::ListOptions options{.namespace_ = job.namespace_,
                                  .field_selector = "regarding.uid=" + job.uid + ",reason=FailedCreate",
                                  .limit = kMostEvents};
  const auto page = context.client.list(kube::kEvents, options, std::move(stop));
  RETURN_IF_ERROR(page);
  return newest_refusal(page->items);
}

}  // namespace modelrun::controller
