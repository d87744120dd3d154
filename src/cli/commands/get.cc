#include <algorithm>

#include "api/json_access.h"
#include "cli/commands/commands.h"
#include "cli/table.h"

namespace modelrun::cli {
namespace {

constexpr int kPageSize = 500;

struct GetFlags {
  std::string name;
  std::string project;
  std::vector<std::string> phases;
  std::string selector;
  std::int64_t limit = 0;  // 0: all
  std::string output = "table";
  bool all_namespaces = false;
};

constexpr std::string_view kGetExamples = R"(  kubectl modelrun get
  kubectl modelrun get --project forecasts --phase Failed,TimedOut --limit 20
  kubectl modelrun get -l team=risk -o wide
  kubectl modelrun get -A
  kubectl modelrun get forecasts-x7k2p -o json

The newest run is the last line.
)";

kube::ListOptions list_options(const Session& session, const GetFlags& flags) {
  kube::ListOptions options{.namespace_ = flags.all_namespaces ? "" : session.namespace_,
                            .label_selector = flags.selector,
                            .limit = kPageSize};
  const auto select = [&](std::string_view field, const std::string& value) {
    if (value.empty()) return;
    options.field_selector += fmt::format("{}{}={}", options.field_selector.empty() ? "" : ",", field, value);
  };
  select("spec.project", flags.project);
  // A field selector has no "or": several phases are picked out of all runs.
  if (flags.phases.size() == 1) select("status.phase", flags.phases.front());
  return options;
}

// Reads all pages. If a continue token expires on the way (HTTP 410), the list begins anew, but only once.
Result<std::vector<kube::Json>> list_runs(Session& session, const GetFlags& flags) {
  auto options = list_options(session, flags);
  std::vector<kube::Json> items;
  for (bool restarted = false;;) {
    auto page = session.client.list(kube::kModelRuns, options, session.stop);
    if (!page && page.error().kind == ErrorKind::kGone && !restarted) {
      restarted = true;
      items.clear();
      options.continue_token.clear();
      continue;
    }
    RETURN_IF_ERROR(page);
    std::ranges::move(page->items, std::back_inserter(items));
    if (page->continue_token.empty()) return items;
    options.continue_token = page->continue_token;
  }
}

// The phase of a run as people see it.
std::string shown_phase(const kube::Json& run) {
  const auto phase = api::text_at(api::member(run, "status"), "phase");
  return phase.empty() ? "Pending" : phase;
}

// Sorts by age, and leaves what --phase and --limit want.
void pick(std::vector<kube::Json>& items, const GetFlags& flags) {
  if (flags.phases.size() > 1) {
    std::erase_if(items, [&](const auto& run) { return !std::ranges::count(flags.phases, shown_phase(run)); });
  }
  std::ranges::stable_sort(items, {}, [](const auto& run) {
    return api::time_at(api::member(run, "metadata"), "creationTimestamp").value_or(Time{});
  });
  const auto limit = static_cast<std::size_t>(flags.limit);
  if (limit > 0 && items.size() > limit) {
    items.erase(items.begin(), items.end() - static_cast<std::ptrdiff_t>(limit));
  }
}

void print_runs(Session& session, const std::vector<kube::Json>& items, const GetFlags& flags) {
  std::vector<api::ModelRun> runs;
  runs.reserve(items.size());
  for (const auto& item : items) runs.push_back(api::decode_model_run(item));
  if (flags.output == "name") {
    for (const auto& run : runs) session.console.out(fmt::format("modelrun.modelrun.dev/{}\n", run.meta.name));
  } else if (runs.empty()) {
    session.console.note(flags.all_namespaces ? "No runs found."
                                              : fmt::format("No runs found in namespace {}.", session.namespace_));
  } else {
    session.console.out(
        runs_table(runs, {.namespaces = flags.all_namespaces, .wide = flags.output == "wide"}, session.clock.now()));
  }
}

Result<int> execute_get(Session& session, const GetFlags& flags) {
  const auto dump = [&](const kube::Json& object) { session.console.out(api::json_text(object, 2) + '\n'); };
  if (!flags.name.empty()) {
    auto object = get_run(session, run_name(flags.name));
    RETURN_IF_ERROR(object);
    flags.output == "json" ? dump(*object) : print_runs(session, {*object}, flags);
    return 0;
  }
  auto items = list_runs(session, flags);
  RETURN_IF_ERROR(items);
  pick(*items, flags);
  if (flags.output == "json") {
    dump({{"apiVersion", "v1"}, {"kind", "List"}, {"items", *items}});
  } else {
    print_runs(session, *items, flags);
  }
  return 0;
}

}  // namespace

void add_get(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<GetFlags>();
  auto* command = app.add_subcommand("get", "Show one run, or a list of them")->alias("list");
  auto* name = command->add_option("NAME", flags->name, "one run; without it, all of the namespace");
  command->add_option("--project", flags->project, "only runs of this project")->excludes(name);
  command->add_option("--phase", flags->phases, "only runs in this phase, or in one of several: Failed,TimedOut")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->transform(
          CLI::IsMember({"Pending", "Running", "Succeeded", "Failed", "TimedOut", "Cancelled"}, CLI::ignore_case))
      ->excludes(name);
  command->add_option("-l,--selector", flags->selector, "only runs with these labels, as kubectl takes them")
      ->excludes(name);
  command->add_option("--limit", flags->limit, "only the newest so many")->check(CLI::PositiveNumber)->excludes(name);
  command->add_flag("-A,--all-namespaces", flags->all_namespaces, "of all namespaces")->excludes(name);
  command->add_option("-o,--output", flags->output, "table, wide (with model, branch and parameters), json or name")
      ->check(CLI::IsMember({"table", "wide", "json", "name"}))
      ->capture_default_str();
  command->footer(footer(kGetExamples));
  command->callback([flags, &chosen] { chosen = [flags](Session& session) { return execute_get(session, *flags); }; });
}

}  // namespace modelrun::cli
