#include "api/json_access.h"
#include "api/model_sweep.h"
#include "api/sweep_object.h"
#include "cli/await_sweep.h"
#include "cli/commands/commands.h"
#include "cli/parameters.h"
#include "cli/vary.h"
#include "cli/yaml.h"
#include "sweep/outputs.h"
#include "sweep/sweep_points.h"

namespace modelrun::cli {
namespace {

struct SweepFlags {
  std::string project, model, branch, commit, name;
  ParameterFlags parameters;
  VaryFlags vary;
  std::string points;  // a file; "-" for standard input; empty: none
  std::vector<std::string> outputs;
  std::optional<std::int64_t> parallelism, timeout_seconds, max_failed;
  bool wait = true;
  bool dry_run = false;
  bool plot = false;
  std::string output;  // empty: text, or with --dry-run json
};

constexpr std::string_view kSweepExamples = R"(  # all combinations of nine growth rates and two discount rates
  kubectl modelrun sweep forecasts --model revenue --vary growth=0.02:0.1:9 --vary discount=0.06,0.08
  # each value alone, the other parameters as they are: what moves the result most
  kubectl modelrun sweep forecasts -m revenue -p years=5 --one-at-a-time --vary growth=0.02,0.08 --vary years=3,7
  # a thousand points drawn at random, the same ones each time
  kubectl modelrun sweep forecasts -m revenue --sample 1000 --seed 7 \
      --vary growth=normal:0.05:0.01 --vary fx=uniform:0.9:1.2
  # points that are written out, a JSON object each
  kubectl modelrun sweep forecasts -m revenue --points points.jsonl
  # with a drawing
  kubectl modelrun sweep forecasts -m revenue --vary growth=0.02:0.1:9 --plot
  # the table, for a spreadsheet
  kubectl modelrun sweep forecasts -m revenue --vary growth=0.02:0.1:9 -o csv > table.csv
  # the manifest, to be kept in git
  kubectl modelrun sweep forecasts -m revenue --vary growth=0.02:0.1:9 --dry-run -o yaml > sweep.yaml

Exit code: 0 Succeeded; 130 Cancelled, or Ctrl-C; 1 any other end; 2 a wrong command line. A sweep succeeds if at least
one point has. After Ctrl-C the sweep goes on.
)";

Result<kube::Json> space_of_flags(Session& session, const SweepFlags& flags) {
  if (flags.points.empty()) return space_of(flags.vary);
  const auto text = read_file(session.console, flags.points);
  RETURN_IF_ERROR(text);
  auto points = parse_points_file(flags.points == "-" ? "standard input" : flags.points, *text);
  RETURN_IF_ERROR(points);
  return space_of(flags.vary, std::move(*points));
}

// What the operator would refuse is refused before the sweep is there.
Result<kube::Json> requested_sweep(Session& session, const SweepFlags& flags) {
  auto space = space_of_flags(session, flags);
  RETURN_IF_ERROR(space);
  auto parameters = flags.parameters.read(session.console, std::nullopt);
  RETURN_IF_ERROR(parameters);
  if (const auto checked = sweep::check_outputs(flags.outputs); !checked) return fail_in("--outputs", checked.error());
  auto object = api::sweep_object({.namespace_ = session.namespace_,
                                   .project = flags.project,
                                   .model = flags.model,
                                   .branch = flags.branch,
                                   .commit = flags.commit,
                                   .parameters = std::move(*parameters),
                                   .space = std::move(*space),
                                   .outputs = flags.outputs,
                                   .parallelism = flags.parallelism,
                                   .timeout_seconds = flags.timeout_seconds,
                                   .max_failed_points = flags.max_failed,
                                   .name = flags.name,
                                   .created_by = "cli"});
  const auto points = sweep::points_of(api::decode_model_sweep(object).spec);
  if (!points) return fail_in("the points of the sweep", points.error());
  return object;
}

SweepFormat format_of(const SweepFlags& flags) {
  const auto& word = flags.output;
  if (word == "json") return SweepFormat::kJson;
  if (word == "csv") return SweepFormat::kCsv;
  if (word == "jsonl") return SweepFormat::kJsonLines;
  return word == "name" ? SweepFormat::kName : flags.plot ? SweepFormat::kPlots : SweepFormat::kText;
}

Result<void> check_output(const SweepFlags& flags) {
  const auto& word = flags.output;
  if (flags.dry_run) {
    if (word.empty() || word == "json" || word == "yaml") return {};
    return fail(ErrorKind::kInvalid, "--dry-run prints the manifest: -o json, the default, or -o yaml");
  }
  if (flags.plot && !(word.empty() || word == "text")) {
    return fail(ErrorKind::kInvalid, "--plot draws below the text: it does not go with -o {}", word);
  }
  if (word == "yaml") return fail(ErrorKind::kInvalid, "-o yaml is the manifest of --dry-run");
  if (!flags.wait && (word == "csv" || word == "jsonl")) {
    return fail(ErrorKind::kInvalid, "-o {} and --no-wait do not go together: there is no table yet", word);
  }
  return {};
}

Result<int> execute_sweep(Session& session, const SweepFlags& flags) {
  RETURN_IF_ERROR(check_output(flags));
  const auto object = requested_sweep(session, flags);
  RETURN_IF_ERROR(object);
  if (flags.dry_run) {
    session.console.out(flags.output == "yaml" ? to_yaml(*object) : api::json_text(*object, 2) + '\n');
    return 0;
  }
  const auto created = create_object(session, kube::kModelSweeps, *object);
  RETURN_IF_ERROR(created);
  const auto format = format_of(flags);
  const Target target{&kube::kModelSweeps, api::decode_meta(*created).name};
  if (flags.wait) {
    session.console.note(fmt::format("{}: created in namespace {}", target.name, session.namespace_));
    return finish_sweep(session, target.name, {}, format);
  }
  const auto name = full_name(target);
  session.console.out(format == SweepFormat::kJson   ? api::json_text(*created, 2) + '\n'
                      : format == SweepFormat::kName ? name + '\n'
                                                     : name + " created\n");
  return 0;
}

void add_vary_flags(CLI::App& command, SweepFlags& flags) {
  command
      .add_option("--vary", flags.vary.vary,
                  "NAME=FROM:TO:COUNT or NAME=V1,V2,..., may be given again; a NAME that begins with / is a JSON "
                  "pointer; with --sample a distribution: normal:MEAN:STDDEV, lognormal:MU:SIGMA, uniform:LOW:HIGH, "
                  "triangular:LOW:MODE:HIGH, choice:V1,V2,...")
      ->type_name("NAME=VALUES")
      ->allow_extra_args(false);
  command.add_flag("--one-at-a-time", flags.vary.one_at_a_time,
                   "each value alone, the other parameters as they are; without it, all combinations");
  command.add_option("--sample", flags.vary.sample, "draw so many points")
      ->type_name("COUNT")
      ->check(CLI::PositiveNumber);
  command.add_option("--seed", flags.vary.seed, "of --sample: another number draws other points; 0")
      ->type_name("NUMBER");
  command.add_flag("--random", flags.vary.random, "of --sample: independent draws, not a Latin hypercube");
  command
      .add_option("--points", flags.points,
                  "JSON file with all points, a list of objects or one a line, - for standard input")
      ->type_name("FILE");
}

}  // namespace

void add_sweep(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<SweepFlags>();
  auto* command = app.add_subcommand("sweep", "Run a model for many parameters, and show one table of what came out");
  command->add_option("PROJECT", flags->project, "the ModelProject")->required();
  command->add_option("-m,--model", flags->model, "run model/NAME.py instead of run.py")->type_name("NAME");
  add_vary_flags(*command, *flags);
  add_parameter_flags(*command, flags->parameters);
  command
      ->add_option("--outputs", flags->outputs,
                   "outputs that stand in the table, with commas between them; the numbers and booleans that there are")
      ->type_name("NAMES")
      ->delimiter(',')
      ->allow_extra_args(false);
  auto* branch =
      command->add_option("--branch", flags->branch, "branch whose newest commit is run; the project's default");
  command->add_option("--commit", flags->commit, "commit to run, 40 or 64 hex digits")
      ->type_name("SHA")
      ->excludes(branch);
  command->add_option("--parallelism", flags->parallelism, "how many sandboxes at a time; 4")
      ->type_name("COUNT")
      ->check(CLI::Range(std::int64_t{1}, api::kMaxParallelism));
  add_span(*command, "--timeout", flags->timeout_seconds,
           "after which the execution of one point is ended (90, 90s, 5m); the project's limit");
  command
      ->add_option("--max-failed", flags->max_failed,
                   "when more points than this have failed, no further one is executed")
      ->type_name("COUNT")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--name", flags->name, "name of the new sweep; made from the project's");
  command->add_flag("--dry-run", flags->dry_run, "print the manifest of the sweep, and start nothing");
  command->add_flag_callback(
      "--wait", [flags] { flags->wait = true; }, "wait for the end and show what came out (the default)");
  command->add_flag_callback("--no-wait", [flags] { flags->wait = false; }, "only start it");
  command
      ->add_option("-o,--output", flags->output,
                   "what is printed at the end: text; csv or jsonl (the table); json (the whole object); name; of "
                   "--dry-run json or yaml")
      ->check(CLI::IsMember({"text", "csv", "json", "jsonl", "name", "yaml"}));
  command->add_flag(
      "--plot", flags->plot,
      "with text: draw a line for one axis, a heat map for two, a tornado for --one-at-a-time, a histogram "
      "for --sample");
  command->footer(footer(kSweepExamples));
  command->callback(
      [flags, &chosen] { chosen = [flags](Session& session) { return execute_sweep(session, *flags); }; });
}

}  // namespace modelrun::cli
