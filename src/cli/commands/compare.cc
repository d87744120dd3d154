#include <algorithm>
#include <memory>
#include <utility>

#include "api/json_access.h"
#include "cli/commands/commands.h"
#include "cli/comparison.h"
#include "cli/table.h"
#include "kube/payload.h"

namespace modelrun::cli {
namespace {

struct CompareFlags {
  std::string base, other;
  double threshold = 10;
  bool all = false;
  std::string output = "text";
};

constexpr std::string_view kCompareExamples = R"(  # what differs between two runs: what went in, and what came out
  kubectl modelrun compare forecasts-x7k2p forecasts-b9d4q
  # only changes by a quarter or more are marked
  kubectl modelrun compare forecasts-x7k2p forecasts-b9d4q --threshold 25
  # for a spreadsheet, or a script
  kubectl modelrun compare forecasts-x7k2p forecasts-b9d4q -o csv
)";

constexpr std::size_t kShownDifferences = 50;      // in a text, without --all
constexpr std::size_t kMostDifferences = 100'000;  // that are listed at all

Result<ComparedRun> read_run(Session& session, const std::string& given) {
  const std::string name = run_name(given);
  const auto object = get_run(session, name);
  RETURN_IF_ERROR(object);
  ComparedRun read;
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

Result<int> execute_compare(Session& session, const CompareFlags& flags) {
  const auto base = read_run(session, flags.base);
  RETURN_IF_ERROR(base);
  const auto other = read_run(session, flags.other);
  RETURN_IF_ERROR(other);
  const bool text = flags.output == "text";
  const auto compared = compare_runs(*base, *other,
                                     {.threshold_percent = flags.threshold,
                                      .max_differences = text && !flags.all ? kShownDifferences : kMostDifferences});
  session.console.out(text                    ? comparison_text(compared)
                      : flags.output == "csv" ? comparison_csv(compared)
                                              : comparison_json(compared));
  return 0;
}

}  // namespace

void add_compare(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<CompareFlags>();
  auto* command = app.add_subcommand("compare", "Show what differs between two runs, inputs and outputs");
  command->add_option("BASE", flags->base, "the run that the other one is compared with")->required();
  command->add_option("OTHER", flags->other, "the other run")->required();
  command
      ->add_option("--threshold", flags->threshold,
                   "a number is marked with * if it changes by so many percent of the base or more; 10")
      ->type_name("PERCENT")
      ->check(CLI::Range(0.0, 1e9));
  command->add_flag("--all", flags->all, fmt::format("show more than {} differences", kShownDifferences));
  command->add_option("-o,--output", flags->output, "text, json or csv; text")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json", "csv"}));
  command->footer(footer(kCompareExamples));
  command->callback(
      [flags, &chosen] { chosen = [flags](Session& session) { return execute_compare(session, *flags); }; });
}

}  // namespace modelrun::cli
