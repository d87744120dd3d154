#include "api/run_object.h"
#include "cli/commands/commands.h"

namespace modelrun::cli {
namespace {

struct RerunFlags {
  std::string name;
  bool latest_commit = false;
  std::optional<std::int64_t> timeout_seconds;
  ParameterFlags parameters;
  EndFlags end;
};

constexpr std::string_view kRerunExamples = R"(  # the same commit and parameters once more
  kubectl modelrun rerun forecasts-x7k2p
  # the same commit, one parameter changed
  kubectl modelrun rerun forecasts-x7k2p --param growth=0.1
  # with what the branch holds now
  kubectl modelrun rerun forecasts-x7k2p --latest-commit
  # what has changed
  diff <(kubectl modelrun output forecasts-x7k2p) <(kubectl modelrun rerun forecasts-x7k2p -o outputs)

Exit codes are those of `run`.
)";

Result<int> execute_rerun(Session& session, const RerunFlags& flags) {
  const auto object = get_run(session, run_name(flags.name));
  RETURN_IF_ERROR(object);
  const auto run = api::decode_model_run(*object);
  api::RunRequest request = api::same_again(run);
  if (flags.latest_commit) {
    request.commit.clear();
    request.branch = run.spec.branch.empty() ? run.status.branch : run.spec.branch;
  } else if (request.commit.empty()) {
    session.console.note(fmt::format("{} was never pinned to a commit: the branch is looked up anew", flags.name));
  }
  auto parameters = flags.parameters.read(session.console, std::move(request.parameters));
  RETURN_IF_ERROR(parameters);
  request.parameters = std::move(*parameters);
  if (flags.timeout_seconds) request.timeout_seconds = flags.timeout_seconds;
  request.created_by = "cli";
  return start_run(session, api::run_object(request), flags.end);
}

}  // namespace

void add_rerun(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<RerunFlags>();
  auto* command = app.add_subcommand("rerun", "Start a new run of the same commit with the same parameters");
  command->add_option("NAME", flags->name, "the run to repeat")->required();
  add_parameter_flags(*command, flags->parameters);
  command->add_flag("--latest-commit", flags->latest_commit,
                    "the newest commit of the branch that the run was of, or of the project's default branch");
  add_span(*command, "--timeout", flags->timeout_seconds, "after which the model is ended (90, 90s, 5m); as before");
  add_end_flags(*command, flags->end);
  command->footer(footer(kRerunExamples));
  command->callback(
      [flags, &chosen] { chosen = [flags](Session& session) { return execute_rerun(session, *flags); }; });
}

}  // namespace modelrun::cli
