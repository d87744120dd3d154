#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "api/json_access.h"
#include "api/run_object.h"
#include "cli/await.h"
#include "cli/commands/commands.h"
#include "cli/commands/compare.h"
#include "cli/comparison.h"
#include "cli/table.h"
#include "kube/payload.h"

namespace modelrun::cli {
namespace {

struct CompareFlags {
  std::string base, other, point;                // two runs; or a sweep and two of its points
  std::pair<std::string, std::string> branches;  // then `base` is the project; empty: not given
  std::string model;                             // of --branches, as the parameters
  ParameterFlags parameters;
  bool explain = false;
  double threshold = 10;
  bool all = false;
  std::string output = "text";
};

constexpr std::string_view kCompareExamples = R"(  # what differs between two runs: what went in, and what came out
  kubectl modelrun compare forecasts-x7k2p forecasts-b9d4q
  # only changes by a quarter or more are marked
  kubectl modelrun compare forecasts-x7k2p forecasts-b9d4q --threshold 25
  # why: commit, image, data and each parameter are changed one at a time, and a run shows what each did
  kubectl modelrun compare forecasts-x7k2p forecasts-b9d4q --explain
  # two points of a sweep, counted from 0
  kubectl modelrun compare modelsweep/forecasts-q8s2v 0 17
  # what a branch changes: both are run first, with the same parameters
  kubectl modelrun compare --branches main faster-growth forecasts --model revenue -p years=5
  # for a spreadsheet, or a script
  kubectl modelrun compare forecasts-x7k2p forecasts-b9d4q -o csv
)";

constexpr std::size_t kShownDifferences = 50;      // in a text, without --all
constexpr std::size_t kShownBridges = 10;          // the same
constexpr std::size_t kMostDifferences = 100'000;  // that are listed at all

Result<sweep::ComparedRun> read_run(Session& session, const std::string& given) {
  const std::string name = run_name(given);
  const auto object = get_run(session, name);
  RETURN_IF_ERROR(object);
  sweep::ComparedRun read;
  read.run = api::decode_model_run(*object);
  if (!api::is_final(read.run.status.phase)) {
    return fail(ErrorKind::kConflict, "run {} has not ended, so there is nothing to compare: `{}` waits for it", name,
                session.hint(fmt::format("wait {}", name)));
  }
  auto outputs = kube::load_outputs(session.client, read.run, session.stop);
  if (!outputs) return fail_in(fmt::format("the outputs of run {}", name), outputs.error());
  if (!*outputs) {
    return fail(ErrorKind::kNotFound, "run {} left no outputs, so there is nothing to compare: `{}` says how it ended",
                name, session.hint(fmt::format("describe {}", name)));
  }
  read.outputs = **outputs;
  return read;
}

Result<ComparedPair> read_pair(Session& session, const std::string& base, const std::string& other) {
  auto first = read_run(session, base);
  RETURN_IF_ERROR(first);
  auto second = read_run(session, other);
  RETURN_IF_ERROR(second);
  return ComparedPair{std::move(*first), std::move(*second)};
}

// Runs both branches at once, and waits for both.
Result<ComparedPair> run_branches(Session& session, const CompareFlags& flags) {
  auto parameters = flags.parameters.read(session.console, std::nullopt);
  RETURN_IF_ERROR(parameters);
  std::vector<std::string> names;
  for (const auto& branch : {flags.branches.first, flags.branches.second}) {
    const auto object = api::run_object({.namespace_ = session.namespace_,
                                         .project = flags.base,
                                         .model = flags.model,
                                         .branch = branch,
                                         .commit = {},
                                         .parameters = *parameters,
                                         .timeout_seconds = {},
                                         .name = {},
                                         .created_by = "cli"});
    const auto created = create_object(session, kube::kModelRuns, object);
    RETURN_IF_ERROR(created);
    names.push_back(api::decode_meta(*created).name);
    session.console.note(fmt::format("branch {}: run {}", branch, names.back()));
  }
  for (const auto& name : names) RETURN_IF_ERROR(await_end(session, name, {}));
  return read_pair(session, names.at(0), names.at(1));
}

Result<ComparedPair> pair_of(Session& session, const CompareFlags& flags) {
  if (!flags.branches.first.empty()) {
    if (flags.other.empty()) return run_branches(session, flags);
    return fail(ErrorKind::kInvalid, "--branches takes two branches, and one PROJECT follows: {} is too much",
                flags.other);
  }
  if (!flags.model.empty() || !flags.parameters.pairs.empty() || !flags.parameters.file.empty()) {
    return fail(ErrorKind::kInvalid, "--model, --param and --params belong to --branches");
  }
  if (const auto target = target_of(flags.base); target.is_sweep()) {
    if (!flags.point.empty()) return read_points(session, target.name, flags.other, flags.point);
    return fail(ErrorKind::kInvalid, "name two points of the sweep: compare {} 0 17", flags.base);
  }
  if (!flags.point.empty()) {
    return fail(ErrorKind::kInvalid, "name two runs, or a sweep as modelsweep/NAME and two of its points");
  }
  return read_pair(session, flags.base, flags.other);
}

std::size_t shown_differences(const CompareFlags& flags) {
  return flags.all ? kMostDifferences : kShownDifferences;
}

void print_explained(Session& session, const CompareFlags& flags, const sweep::RunComparison& compared,
                     const ExplainedRuns& explained) {
  if (flags.output == "csv") return session.console.out(explanation_csv(explained));
  if (flags.output == "json") return session.console.out(explanation_json(explained, comparison_json(compared)));
  session.console.out(comparison_text(compared, shown_differences(flags)) + '\n' +
                      explanation_text(explained, flags.all ? kMostDifferences : kShownBridges));
}

Result<int> execute_compare(Session& session, const CompareFlags& flags) {
  const auto pair = pair_of(session, flags);
  RETURN_IF_ERROR(pair);
  // What is left out of a text is left out when it is printed: the significant differences come first, and are
  // explained, wherever they stand.
  const auto compared = sweep::compare_runs(
      pair->base, pair->other, {.threshold_percent = flags.threshold, .max_differences = kMostDifferences});
  if (flags.explain) {
    const auto explained = explain_runs(session, pair->base, pair->other, compared.outputs);
    RETURN_IF_ERROR(explained);
    print_explained(session, flags, compared, *explained);
    return 0;
  }
  session.console.out(flags.output == "csv"    ? comparison_csv(compared)
                      : flags.output == "json" ? comparison_json(compared)
                                               : comparison_text(compared, shown_differences(flags)));
  return 0;
}

}  // namespace

void add_compare(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<CompareFlags>();
  auto* command = app.add_subcommand("compare", "Show what differs between two runs, inputs and outputs, and why");
  command->add_option("BASE", flags->base, "the run that the other one is compared with; or modelsweep/NAME")
      ->required();
  command->add_option("OTHER", flags->other, "the other run; of a sweep, a point");
  command->add_option("POINT", flags->point, "of a sweep, the other point");
  command->add_flag(
      "--explain", flags->explain,
      "change what went in one cause at a time, each step a run, and show what each one did to the outputs");
  command
      ->add_option("--branches", flags->branches,
                   "run both branches of a PROJECT, which takes the place of BASE, and compare these runs")
      ->type_name("BASE OTHER");
  command->add_option("-m,--model", flags->model, "of --branches: run model/NAME.py instead of run.py")
      ->type_name("NAME");
  add_parameter_flags(*command, flags->parameters);
  command
      ->add_option("--threshold", flags->threshold,
                   "a number is marked with * if it changes by so many percent of the base or more; 10")
      ->type_name("PERCENT")
      ->check(CLI::Range(0.0, 1e9));
  command->add_flag("--all", flags->all,
                    fmt::format("show more than {} differences and {} bridges", kShownDifferences, kShownBridges));
  command->add_option("-o,--output", flags->output, "text, json or csv; text")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json", "csv"}));
  command->footer(footer(kCompareExamples));
  command->callback([flags, &chosen] {
    if (flags->branches.first.empty() && flags->other.empty()) throw CLI::RequiredError("OTHER");
    chosen = [flags](Session& session) { return execute_compare(session, *flags); };
  });
}

}  // namespace modelrun::cli
