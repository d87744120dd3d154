#include <algorithm>
#include <array>
#include <utility>

#include "api/json_access.h"
#include "cli/commands/commands.h"
#include "cli/describe.h"

namespace modelrun::cli {
namespace {

// Of the run, of its Job and of its pod, each. There are rarely more than ten.
constexpr int kMostEvents = 100;

constexpr std::string_view kDescribeExamples = R"(  kubectl modelrun describe forecasts-x7k2p

The page has the spec, the parameters, the steps with their times, the conditions, what the run waits for or how it ended
and what to do about it, what it left, and the events of the run, its Job and its pod.
)";

// The events of the run, and of the Job and the pod of its last attempt. They have the UIDs of these in common where
// they are known: another object of the same name is none of theirs.
Result<std::vector<ShownEvent>> events_of(Session& session, const kube::Json& object) {
  const auto& status = api::member(object, "status");
  const std::array selectors{std::pair{"regarding.uid", api::text_at(api::member(object, "metadata"), "uid")},
                             std::pair{"regarding.kind=Job,regarding.name", api::text_at(status, "jobName")},
                             std::pair{"regarding.uid", api::text_at(status, "podUID")}};
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
    const auto object = get_run(session, run_name(names[i]));
    RETURN_IF_ERROR(object);
    const auto events = events_of(session, *object);
    if (session.stop.stop_requested()) return fail(ErrorKind::kCancelled, "Stopped.");
    session.console.out((i == 0 ? "" : "\n\n") + describe(*object, events, session.clock.now()));
  }
  return 0;
}

}  // namespace

void add_describe(CLI::App& app, Command& chosen) {
  const auto names = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand("describe", "Show all there is to know of a run on one page");
  command->add_option("NAME", *names, "the runs")->required();
  command->footer(footer(kDescribeExamples));
  command->callback(
      [names, &chosen] { chosen = [names](Session& session) { return execute_describe(session, *names); }; });
}

}  // namespace modelrun::cli
