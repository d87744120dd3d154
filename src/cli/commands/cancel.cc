#include "cli/commands/commands.h"
#include "cli/run_view.h"

namespace modelrun::cli {
namespace {

constexpr std::string_view kCancelExamples = R"(  kubectl modelrun cancel forecasts-x7k2p
  kubectl modelrun cancel forecasts-x7k2p && kubectl modelrun wait forecasts-x7k2p

It cannot be taken back. The model gets SIGTERM and, five seconds later, SIGKILL; what it printed and wrote
is kept. A run that is over stays as it is.
)";

Result<int> execute_cancel(Session& session, const std::string& name) {
  const auto object = session.client.patch(kube::kModelRuns, session.namespace_, name, kube::PatchType::kMerge,
                                           {{"spec", {{"cancel", true}}}}, {}, session.stop);
  RETURN_IF_ERROR(object);
  const auto run = api::decode_model_run(*object);
  if (api::is_final(run.status.phase)) {
    session.console.note(fmt::format("{} was over already", progress_line(run)));
    return 0;
  }
  session.console.out(fmt::format("modelrun.modelrun.dev/{} is being cancelled\n", name));
  return 0;
}

}  // namespace

void add_cancel(CLI::App& app, Command& chosen) {
  const auto name = std::make_shared<std::string>();
  auto* command = app.add_subcommand("cancel", "Stop a run");
  command->add_option("NAME", *name, "the run")->required();
  command->footer(footer(kCancelExamples));
  command->callback(
      [name, &chosen] { chosen = [name](Session& session) { return execute_cancel(session, run_name(*name)); }; });
}

}  // namespace modelrun::cli
