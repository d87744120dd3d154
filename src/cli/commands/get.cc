#include <algorithm>
#include <array>
#include <map>

#include "api/json_access.h"
#include "api/model_sweep.h"
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

  [[nodiscard]] RunsTable form() const { return {.namespaces = all_namespaces, .wide = output == "wide"}; }
  // Runs or sweeps; without a name, a list of them.
  [[nodiscard]] Target target() const {
    constexpr std::array kListsOfSweeps{"modelsweeps", "modelsweep", "msw", "modelsweeps.modelrun.dev"};
    if (std::ranges::count(kListsOfSweeps, name) > 0) return {&kube::kModelSweeps, ""};
    return target_of(name);
  }
  [[nodiscard]] bool sweeps() const { return target().is_sweep(); }
  // The word for what is listed, in messages.
  [[nodiscard]] const char* kind() const { return sweeps() ? "sweeps" : "runs"; }

  [[nodiscard]] Row header() const { return sweeps() ? sweeps_header(form()) : runs_header(form()); }
  [[nodiscard]] Row row(const kube::Json& object, Time now) const {
    return sweeps() ? sweep_row(api::decode_model_sweep(object), form(), now)
                    : run_row(api::decode_model_run(object), form(), now);
  }
  // The line of -o name.
  [[nodiscard]] std::string line(const kube::Json& object) const {
    return full_name({target().resource, api::decode_meta(object).name}) + '\n';
  }
};

constexpr std::string_view kGetExamples = R"(  kubectl modelrun get
  kubectl modelrun get --project forecasts --phase Failed,TimedOut --limit 20
  kubectl modelrun get -l team=risk -o wide
  kubectl modelrun get -A
  kubectl modelrun get --watch
  kubectl modelrun get forecasts-x7k2p -o json
  # sweeps, all of them or one
  kubectl modelrun get modelsweeps --project forecasts
  kubectl modelrun get modelsweep/forecasts-b9d4q

The newest one is the last line. --watch goes on with a line for each change, until Ctrl-C.
)";

kube::ListOptions list_options(const Session& session, const GetFlags& flags) {
  kube::ListOptions options{.namespace_ = flags.all_namespaces ? "" : session.namespace_,
                            .label_selector = flags.selector,
                            .limit = kPageSize};
  const auto select = [&](std::string_view field, const std::string& value) {
    if (value.empty()) return;
    options.field_selector += fmt::format("{}{}={}", options.field_selector.empty() ? "" : ",", field, value);
  };
  select("metadata.name", flags.target().name);
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
Result<Listed> list_all(Session& session, const GetFlags& flags) {
  auto options = list_options(session, flags);
  std::vector<kube::Json> items;
  for (bool restarted = false;;) {
    auto page = session.client.list(*flags.target().resource, options, session.stop);
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

// The phase of a run or a sweep as people see it.
std::string shown_phase(const kube::Json& object) {
  const auto phase = api::text_at(api::member(object, "status"), "phase");
  return phase.empty() ? "Pending" : phase;
}

bool is_wanted(const kube::Json& object, const GetFlags& flags) {
  return flags.phases.empty() || std::ranges::count(flags.phases, shown_phase(object)) > 0;
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

void print_all(Session& session, const std::vector<kube::Json>& items, const GetFlags& flags) {
  if (flags.output == "name") {
    for (const auto& item : items) session.console.out(flags.line(item));
  } else if (items.empty()) {
    session.console.note(flags.all_namespaces
                             ? fmt::format("No {} found.", flags.kind())
                             : fmt::format("No {} found in namespace {}.", flags.kind(), session.namespace_));
  } else {
    std::vector<Row> rows{flags.header()};
    for (const auto& item : items) rows.push_back(flags.row(item, session.clock.now()));
    session.console.out(render_table(rows));
  }
}

// Prints each change as it comes. The rows stand below those of the table that was printed first.
class ListWatch final : public Watched {
 public:
  ListWatch(Session& session, const GetFlags& flags) : session_(session), flags_(flags) {}

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
    return session_.client.watch(*flags_.target().resource,
                                 {.namespace_ = options.namespace_,
                                  .label_selector = options.label_selector,
                                  .field_selector = options.field_selector,
                                  .resource_version = version_,
                                  .timeout = kWatchTimeout},
                                 kWatchIdle, on_event, stop);
  }

  Result<void> list(const std::stop_token& /*stop: list_all() has the session's*/) override {
    auto found = list_all(session_, flags_);
    RETURN_IF_ERROR(found);
    const auto target = flags_.target();
    if (!listed_ && !target.name.empty() && found->items.empty()) {
      return fail(ErrorKind::kNotFound, "{} {}/{}: there is no such object", target.resource->plural,
                  session_.namespace_, target.name);
    }
    version_ = found->version;
    if (listed_) {
      for (const auto& item : found->items) show(item);
      return {};
    }
    listed_ = true;
    pick(found->items, flags_);
    if (is_table()) {
      session_.console.out(render_table({flags_.header()}, &widths_));
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

  // Prints the object unless the same stands there already. What a row says of time is no change.
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
    const auto text = is_table() || flags_.output == "name"
                          ? fmt::format("{}", fmt::join(flags_.row(object, Time{}), "\n"))
                          : api::json_text(object);
    return std::hash<std::string>{}(text);
  }

  std::string text_of(const kube::Json& object, Time now) {
    if (flags_.output == "json") return api::json_text(object, 2) + '\n';
    if (flags_.output == "yaml") return "---\n" + to_yaml(object);
    if (flags_.output == "name") return flags_.line(object);
    return render_table({flags_.row(object, now)}, &widths_);
  }

  Session& session_;
  const GetFlags& flags_;
  std::string version_;
  bool listed_ = false;
  std::vector<std::size_t> widths_;
  std::map<std::string, std::size_t> shown_;  // by UID, of the objects that exist: the hash of what stands there
};

// Returns only with an error: kCancelled after Ctrl-C.
Result<int> watch_all(Session& session, const GetFlags& flags) {
  ListWatch list(session, flags);
  const auto tell = [&session](const Error& error) { session.console.note(error.message + "; trying again"); };
  auto ended = keep_watching(list, tell, session.stop);
  if (session.stop.stop_requested()) return fail(ErrorKind::kCancelled, "Stopped watching.");
  return std::unexpected(std::move(ended.error()));
}

Result<int> execute_get(Session& session, const GetFlags& flags) {
  if (flags.watch) return watch_all(session, flags);
  const auto dump = [&](const kube::Json& object) {
    session.console.out(flags.output == "yaml" ? to_yaml(object) : api::json_text(object, 2) + '\n');
  };
  const bool whole = flags.output == "json" || flags.output == "yaml";
  if (const auto target = flags.target(); !target.name.empty()) {
    auto object = get_object(session, target);
    RETURN_IF_ERROR(object);
    whole ? dump(*object) : print_all(session, {*object}, flags);
    return 0;
  }
  auto listed = list_all(session, flags);
  RETURN_IF_ERROR(listed);
  pick(listed->items, flags);
  if (whole) {
    dump({{"apiVersion", "v1"}, {"kind", "List"}, {"items", listed->items}});
  } else {
    print_all(session, listed->items, flags);
  }
  return 0;
}

}  // namespace

void add_get(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<GetFlags>();
  auto* command = app.add_subcommand("get", "Show one run or sweep, or a list of them")->alias("list");
  command->add_option("NAME", flags->name,
                      "one run; without it, all of the namespace; modelsweeps for all sweeps, modelsweep/NAME for one");
  std::vector<const CLI::Option*> filters;
  filters.push_back(command->add_option("--project", flags->project, "only those of this project"));
  filters.push_back(
      command->add_option("--phase", flags->phases, "only those in this phase, or in one of several: Failed,TimedOut")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->transform(
              CLI::IsMember({"Pending", "Running", "Succeeded", "Failed", "TimedOut", "Cancelled"}, CLI::ignore_case)));
  filters.push_back(
      command->add_option("-l,--selector", flags->selector, "only those with these labels, as kubectl takes them"));
  filters.push_back(
      command->add_option("--limit", flags->limit, "only the newest so many")->check(CLI::PositiveNumber));
  filters.push_back(command->add_flag("-A,--all-namespaces", flags->all_namespaces, "of all namespaces"));
  command
      ->add_option("-o,--output", flags->output, "table, wide (with model, branch and parameters), yaml, json or name")
      ->check(CLI::IsMember({"table", "wide", "yaml", "json", "name"}))
      ->capture_default_str();
  command->add_flag("-w,--watch", flags->watch, "go on with each change, until Ctrl-C");
  command->footer(footer(kGetExamples));
  command->callback([flags, filters = std::move(filters), &chosen] {
    for (const auto* filter : filters) {
      if (filter->count() > 0 && !flags->target().name.empty()) throw CLI::ExcludesError(filter->get_name(), "NAME");
    }
    chosen = [flags](Session& session) { return execute_get(session, *flags); };
  });
}

}  // namespace modelrun::cli
