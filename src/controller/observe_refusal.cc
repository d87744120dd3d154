#include "controller/observe_refusal.h"

#include <optional>
#include <string_view>
#include <utility>

#include "api/json_access.h"
#include "base/clock.h"
#include "base/printable.h"
#include "kube/json.h"

namespace modelrun::controller {
namespace {

// The Job controller's event recorder counts a repetition in the event that is there, and it tries ever less often: an
// hour, for which events are kept, has some fifteen tries.
constexpr int kMostEvents = 20;

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

// The API server's part of what the Job controller says. Of many tries the recorder makes one event, whose text begins
// with words of its own.
std::string_view words_of(std::string_view note) {
  constexpr std::string_view kBefore = "Error creating: ";
  const auto at = note.find(kBefore);
  return at == std::string_view::npos ? note : note.substr(at + kBefore.size());
}

}  // namespace

Result<std::string> read_refusal(const Context& context, const api::ObjectMeta& job, std::stop_token stop) {
  const kube::ListOptions options{.namespace_ = job.namespace_,
                                  .field_selector = "regarding.uid=" + job.uid + ",reason=FailedCreate",
                                  .limit = kMostEvents};
  std::string newest;
  Time seen{};
  const auto take = [&](const kube::Json& event) {
    const auto& note = api::member(event, "note");
    if (const auto time = last_seen(event); note.is_string() && (newest.empty() || time >= seen)) {
      newest = printable(words_of(note.get_ref<const std::string&>()));
      seen = time;
    }
  };
  RETURN_IF_ERROR(context.client.list_each(kube::kEvents, options, take, std::move(stop)));
  return newest;
}

}  // namespace modelrun::controller
