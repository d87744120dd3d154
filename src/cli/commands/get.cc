#include <algorithm>
#include <map>

#include "api/json_access.h"
#include "cli/commands/commands.h"
#include "cli/object_watch.h"
#include "cli/table.h"
#include "cli/yaml.h"

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
  bool watch = false;

  [[nodiscard]] RunsTable table() const { return {.namespaces = all_namespaces, .wide = output == "wide"}; }
};

constexpr std::string_view kGetExamples = R"(  kubectl modelrun get
  kubectl modelrun get --project forecasts --phase Failed,TimedOut --limit 20
  kubectl modelrun get -l team=risk -o wide
  kubectl modelrun get -A
  kubectl modelrun get --watch
  kubectl modelrun get forecasts-x7k2p -o json

The newest run is the last line. --watch goes on with a line for each change, until Ctrl-C.
)";

kube::ListOptions list_options(const Session& session, const GetFlags& flags) {
  kube::ListOptions options{.namespace_ = flags.all_namespaces ? "" : session.namespace_,
                            .label_selector = flags.selector,
                            .limit = kPageSize};
  const auto select = [&](std::string_view field, const std::string& value) {
    if (value.empty()) return;
    options.field_selector += fmt::format("{}{}={}", options.field_selector.empty() ? "" : ",", field, value);
  };
  select("metadata.name", run_name(flags.name));
  select("spec.project", flags.project);
  // A field selector has no "or": several phases are picked out of all runs. A watch would not tell of a run that
  // enters or leaves the phase as of a change.
  if (flags.phases.size() == 1 && !flags.watch) select("status.phase", flags.phases.front());
  return options;
}

struct Listed {
  std::vector<kube::Json> items;
  std::string version;  // from which a watch goes on
};

// Reads all pages. If a continue token expires on the way (HTTP 410), the list begins anew, but only once.
Result<Listed> list_runs(Session& session, const GetFlags& flags) {
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
    if (page->continue_token.empty()) return Listed{std::move(items), page->resource_version};
    options.continue_token = page->continue_token;
  }
}

// The phase of a run as people see it.
std::string shown_phase(const kube::Json& run) {
  const auto phase = api::text_at(api::member(run, "status"), "phase");
  return phase.empty() ? "Pending" : phase;
}

bool is_wanted(const kube::Json& run, const GetFlags& flags) {
  return flags.phases.empty() || std::ranges::count(flags.phases, shown_phase(run)) > 0;
}

// Sorts by age, and leaves what --phase and --limit want.
void pick(std::vector<kube::Json>& items, const GetFlags& flags) {
  if (flags.phases.size() > 1 || flags.watch) {
    std::erase_if(items, [&](const auto& run) { return !is_wanted(run, flags); });
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
    session.console.out(runs_table(runs, flags.table(), session.clock.now()));
  }
}

// Prints each change of the runs as it comes. The rows stand below those of the table that was printed first.
class RunsWatch final : public Watched {
 public:
  RunsWatch(Session& session, const GetFlags& flags) : session_(session), flags_(flags) {}

  [[nodiscard]] bool done() const override { return false; }  // it goes on until Ctrl-C
  [[nodiscard]] bool seen() const override { return listed_; }

  Result<void> watch(const std::stop_token& stop) override {
    const auto options = list_options(session_, flags_);
    const auto on_event = [this](kube::WatchEvent&& event) {
      version_ = api::text_at(api::member(event.object, "metadata"), "resourceVersion");
      if (event.type == kube::EventType::kDeleted) {
        forget(event.object);
      } else if (event.type != kube::EventType::kBookmark) {
        show(event.object);
      }
      return true;
    };
    return session_.client.watch(kube::kModelRuns,
                                 {.namespace_ = options.namespace_,
                                  .label_selector = options.label_selector,
                                  .field_selector = options.field_selector,
                                  .resource_version = version_,
                                  .timeout = kWatchTimeout},
                                 kWatchIdle, on_event, stop);
  }

  Result<void> list(const std::stop_token& /*stop: list_runs() has the session's*/) override {
    auto found = list_runs(session_, flags_);
    RETURN_IF_ERROR(found);
    if (!listed_ && !flags_.name.empty() && found->items.empty()) {
      return fail(ErrorKind::kNotFound, "modelruns {}/{}: there is no such object", session_.namespace_, flags_.name);
    }
    version_ = found->version;
    if (listed_) {
      for (const auto& item : found->items) show(item);
      return {};
    }
    listed_ = true;
    pick(found->items, flags_);
    if (is_table()) {
      session_.console.out(render_table({runs_header(flags_.table())}, &widths_));
    }
    for (const auto& item : found->items) show(item);
    return {};
  }

 private:
  [[nodiscard]] bool is_table() const { return flags_.output == "table" || flags_.output == "wide"; }

  void forget(const kube::Json& object) {
    const auto& metadata = api::member(object, "metadata");
    if (shown_.erase(api::text_at(metadata, "uid")) == 0) return;
    session_.console.note(fmt::format("{} was deleted", api::text_at(metadata, "name")));
  }

  // Prints the run unless the same stands there already. What a row says of time is no change.
  void show(const kube::Json& object) {
    const auto& metadata = api::member(object, "metadata");
    const auto uid = api::text_at(metadata, "uid");
    const bool known = shown_.contains(uid);
    if (!known && !is_wanted(object, flags_)) return;
    const auto state = state_of(object);
    if (known && shown_[uid] == state) return;
    session_.console.out(text_of(object, session_.clock.now()));
    if (is_wanted(object, flags_)) {
      shown_[uid] = state;
    } else {
      shown_.erase(uid);  // it has left the wanted phases, which was the last to be told
    }
  }

  // A hash of what is shown, without what time and the widths of columns make of it.
  [[nodiscard]] std::size_t state_of(const kube::Json& object) const {
    const auto text =
        is_table() || flags_.output == "name"
            ? fmt::format("{}", fmt::join(run_row(api::decode_model_run(object), flags_.table(), Time{}), "\n"))
            : api::json_text(object);
    return std::hash<std::string>{}(text);
  }

  std::string text_of(const kube::Json& object, Time now) {
    if (flags_.output == "json") return api::json_text(object, 2) + '\n';
    if (flags_.output == "yaml") return "---\n" + to_yaml(object);
    const auto run = api::decode_model_run(object);
    if (flags_.output == "name") return fmt::format("modelrun.modelrun.dev/{}\n", run.meta.name);
    return render_table({run_row(run, flags_.table(), now)}, &widths_);
  }

  Session& session_;
  const GetFlags& flags_;
  std::string version_;
  bool listed_ = false;
  std::vector<std::size_t> widths_;
  std::map<std::string, std::size_t> shown_;  // by UID, of the runs that exist: the hash of what stands there
};

// Returns only with an error: kCancelled after Ctrl-C.
Result<int> watch_runs(Session& session, const GetFlags& flags) {
  RunsWatch runs(session, flags);
  const auto tell = [&session](const Error& error) { session.console.note(error.message + "; trying again"); };
  auto ended = keep_watching(runs, tell, session.stop);
  if (session.stop.stop_requested()) return fail(ErrorKind::kCancelled, "Stopped watching.");
  return std::unexpected(std::move(ended.error()));
}

Result<int> execute_get(Session& session, const GetFlags& flags) {
  if (flags.watch) return watch_runs(session, flags);
  const auto dump = [&](const kube::Json& object) {
    session.console.out(flags.output == "yaml" ? to_yaml(object) : api::json_text(object, 2) + '\n');
  };
  const bool whole = flags.output == "json" || flags.output == "yaml";
  if (!flags.name.empty()) {
    auto object = get_run(session, run_name(flags.name));
    RETURN_IF_ERROR(object);
    whole ? dump(*object) : print_runs(session, {*object}, flags);
    return 0;
  }
  auto listed = list_runs(session, flags);
  RETURN_IF_ERROR(listed);
  pick(listed->items, flags);
  if (whole) {
    dump({{"apiVersion", "v1"}, {"kind", "List"}, {"items", listed->items}});
  } else {
    print_runs(session, listed->items, flags);
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
  command
      ->add_option("-o,--output", flags->output, "table, wide (with model, branch and parameters), yaml, json or name")
      ->check(CLI::IsMember({"table", "wide", "yaml", "json", "name"}))
      ->capture_default_str();
  command->add_flag("-w,--watch", flags->watch, "go on with each change, until Ctrl-C");
  command->footer(footer(kGetExamples));
  command->callback([flags, &chosen] { chosen = [flags](Session& session) { return execute_get(session, *flags); }; });
}

}  // namespace modelrun::cli
