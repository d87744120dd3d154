#include "api/json_access.h"
#include "api/run_object.h"
#include "cli/commands/commands.h"
#include "cli/manifest.h"
#include "cli/parameters.h"

namespace modelrun::cli {
namespace {

struct RunFlags {
  std::string manifest;
  api::RunRequest request;
  ParameterFlags parameters;
  EndFlags end;
  std::vector<std::string> labels;
  std::string points;  // a file; "-" for standard input; empty: none
  bool dry_run = false;
};

constexpr std::string_view kRunExamples = R"(  # run.py of the project's default branch, with what it prints
  kubectl modelrun run forecasts
  # one model, with parameters
  kubectl modelrun run forecasts --model revenue --param growth=0.08 --param 'regions=["eu","us"]'
  # many parameter objects, one after the other in one sandbox; `output` prints what each has left
  kubectl modelrun run forecasts --model revenue --points points.jsonl
  # the outputs alone, for a script
  kubectl modelrun run forecasts -o outputs | jq .total
  # the manifest, to be kept in git
  kubectl modelrun run forecasts --model revenue --param growth=0.08 --dry-run > run.json
  # from a manifest; nobody waits
  kubectl modelrun run -f run.yaml --no-wait

Exit code: 0 Succeeded; the model's own (1 to 125) when it failed by itself; 124 TimedOut; 130 Cancelled, or
Ctrl-C; 1 any other failure; 2 a wrong command line. After Ctrl-C the run goes on.
)";

Result<void> check(const RunFlags& flags) {
  const api::RunRequest& request = flags.request;
  if (flags.manifest.empty() && request.project.empty()) {
    return fail(ErrorKind::kInvalid, "name a PROJECT, or a manifest with -f");
  }
  const bool described = !request.project.empty() || !request.model.empty() || !request.branch.empty() ||
                         !request.commit.empty() || request.timeout_seconds || !flags.parameters.pairs.empty() ||
                         !flags.parameters.file.empty() || !flags.points.empty() || !request.name.empty() ||
                         !flags.labels.empty();
  if (!flags.manifest.empty() && described) {
    return fail(ErrorKind::kInvalid, "-f stands alone: the manifest says what to run, not the command line");
  }
  if (flags.points.empty() && (request.point_timeout_seconds || request.max_failed_points)) {
    return fail(ErrorKind::kInvalid, "--point-timeout and --max-failed belong to --points");
  }
  if (!flags.points.empty() && (!flags.parameters.pairs.empty() || !flags.parameters.file.empty())) {
    return fail(ErrorKind::kInvalid,
                "--points has the parameters of each execution: --param and --params do not go with it");
  }
  return {};
}

Result<kube::Json> object_of(Session& session, const RunFlags& flags) {
  if (!flags.manifest.empty()) {
    const auto text = read_file(session.console, flags.manifest);
    RETURN_IF_ERROR(text);
    return read_manifest({.source = flags.manifest == "-" ? "standard input" : flags.manifest,
                          .namespace_ = session.namespace_,
                          .namespace_given = !session.flags.namespace_.empty()},
                         *text);
  }
  api::RunRequest request = flags.request;
  request.namespace_ = session.namespace_;
  auto parameters = flags.parameters.read(session.console, std::nullopt);
  RETURN_IF_ERROR(parameters);
  request.parameters = std::move(*parameters);
  if (!flags.points.empty()) {
    const auto text = read_file(session.console, flags.points);
    RETURN_IF_ERROR(text);
    auto points = parse_points_file(flags.points == "-" ? "standard input" : flags.points, *text);
    RETURN_IF_ERROR(points);
    request.points = std::move(*points);
  }
  request.created_by = "cli";
  auto object = api::run_object(request);
  for (const auto& label : flags.labels) {
    const auto equals = label.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return fail(ErrorKind::kInvalid, "--label {}: write KEY=VALUE", label);
    }
    object["metadata"]["labels"][label.substr(0, equals)] = label.substr(equals + 1);
  }
  return object;
}

Result<int> execute_run(Session& session, const RunFlags& flags) {
  RETURN_IF_ERROR(check(flags));
  const auto object = object_of(session, flags);
  RETURN_IF_ERROR(object);
  if (flags.dry_run) {
    session.console.out(api::json_text(*object, 2) + '\n');
    return 0;
  }
  return start_run(session, *object, flags.end);
}

}  // namespace

void add_run(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<RunFlags>();
  auto* command = app.add_subcommand("run", "Run a project or one of its models, and wait for what comes of it");
  command->add_option("PROJECT", flags->request.project, "the ModelProject");
  command->add_option("-f,--filename", flags->manifest, "manifest of a ModelRun, YAML or JSON; - for standard input")
      ->type_name("FILE");
  command->add_option("-m,--model", flags->request.model, "run model/NAME.py instead of run.py")->type_name("NAME");
  auto* branch = command->add_option("--branch", flags->request.branch,
                                     "branch whose newest commit is run; the project's default");
  command->add_option("--commit", flags->request.commit, "commit to run, 40 or 64 hex digits")
      ->type_name("SHA")
      ->excludes(branch);
  add_parameter_flags(*command, flags->parameters);
  command
      ->add_option(
          "--points", flags->points,
          "JSON file with many parameter objects, a list or one a line, - for standard input: one execution each")
      ->type_name("FILE");
  add_span(*command, "--point-timeout", flags->request.point_timeout_seconds,
           "after which the execution of one point is ended; the run's");
  command
      ->add_option("--max-failed", flags->request.max_failed_points,
                   "when more points than this have failed, no further one is executed")
      ->type_name("COUNT")
      ->check(CLI::NonNegativeNumber);
  add_span(*command, "--timeout", flags->request.timeout_seconds,
           "after which the model is ended (90, 90s, 5m); the project's limit");
  command->add_option("--name", flags->request.name, "name of the new run; made from the project's");
  command->add_option("-l,--label", flags->labels, "key=value, may be given again: a label of the new run")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--dry-run", flags->dry_run, "print the manifest of the run, and start nothing");
  add_end_flags(*command, flags->end);
  command->footer(footer(kRunExamples));
  command->callback([flags, &chosen] { chosen = [flags](Session& session) { return execute_run(session, *flags); }; });
}

}  // namespace modelrun::cli
