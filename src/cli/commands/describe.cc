#include <algorithm>
#include <utility>
#include <vector>

#include "api/json_access.h"
#include "api/model_run.h"
#include "cli/commands/commands.h"
#include "cli/describe.h"
#include "cli/describe_sweep.h"

namespace modelrun::cli {
namespace {

// Of the run, of its Job and of its pod, each. There are rarely more than ten.
constexpr int kMostEvents = 100;
constexpr int kMostPods = 5;  // of an attempt; there is one

constexpr std::string_view kDescribeExamples = R"(  kubectl modelrun describe forecasts-x7k2p
  kubectl modelrun describe modelsweep/forecasts-b9d4q

The page has the spec, the parameters, the steps with their times, the conditions, what the run waits for or how it ended
and what to do about it, what it left, and the events of the run, its Job and its pod. That of a
sweep has its space, its points, the runs that it has made, and what the outputs say together.
)";

// The UIDs of the pods of the last attempt: the one that status names, or, while the model has not started, those that
// carry the run's label and belong to its Job. None if the caller may not list pods.
std::vector<std::string> pod_uids(Session& session, const kube::Json& object) {
  const auto& meta = api::member(object, "metadata");
  const auto& status = api::member(object, "status");
  if (const auto uid = api::text_at(status, "podUID"); !uid.empty()) return {uid};
  const auto job = api::text_at(status, "jobName");
  if (job.empty()) return {};
  const kube::ListOptions options{.namespace_ = api::text_at(meta, "namespace"),
                                  .label_selector = fmt::format("{}={}", api::kLabelRunUid, api::text_at(meta, "uid")),
                                  .limit = kMostPods};
  const auto page = session.client.list(kube::kPods, options, session.stop);
  std::vector<std::string> uids;
  if (!page) return uids;
  for (const auto& pod : page->items) {
    const auto of_pod = api::decode_meta(pod);
    if (of_pod.owner_kind == "Job" && of_pod.owner_name == job) uids.push_back(of_pod.uid);
  }
  return uids;
}

// The events of the run, and of the Job and the pod of its last attempt. They have the UIDs of these in common where
// they are known: another object of the same name is none of theirs.
Result<std::vector<ShownEvent>> events_of(Session& session, const kube::Json& object) {
  const auto& status = api::member(object, "status");
  std::vector<std::pair<const char*, std::string>> selectors{
      {"regarding.uid", api::text_at(api::member(object, "metadata"), "uid")},
      {"regarding.kind=Job,regarding.name", api::text_at(status, "jobName")}};
  for (auto& uid : pod_uids(session, object)) selectors.emplace_back("regarding.uid", std::move(uid));
  std::vector<ShownEvent> events;
  for (const auto& [field, value] : selectors) {
    if (value.empty()) continue;
    const kube::ListOptions options{.namespace_ = api::text_at(api::member(object, "metadata"), "namespace"),
                                    .field_selector = fmt::format("{}={}", field, value),
                                    .limit = kMostEvents};
    const auto page = session.client.list(kube::kEvents, options, session.stop);
    RETURN_IF_ERROR(page);
    std::ranges::transform(page->items, std::back_inserter(events), decode_event);
  }
  return events;
}

Result<int> execute_describe(Session& session, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto target = target_of(names[i]);
    const auto object = get_object(session, target);
    RETURN_IF_ERROR(object);
    const auto events = events_of(session, *object);
    if (session.stop.stop_requested()) return fail(ErrorKind::kCancelled, "Stopped.");
    const auto now = session.clock.now();
    session.console.out((i == 0 ? "" : "\n\n") +
                        (target.is_sweep() ? describe_sweep(*object, events, now) : describe(*object, events, now)));
  }
  return 0;
}

}  // namespace

void add_describe(CLI::App& app, Command& chosen) {
  const auto names = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand("describe", "Show all there is to know of a run or a sweep on one page");
  command->add_option("NAME", *names, "the runs; a sweep is modelsweep/NAME")->required();
  command->footer(footer(kDescribeExamples));
  command->callback(
      [names, &chosen] { chosen = [names](Session& session) { return execute_describe(session, *names); }; });
}

}  // namespace modelrun::cli
