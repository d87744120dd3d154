// The commands that change runs which are there: cancel, suspend, resume and delete. Each takes several names.
#include "cli/commands/commands.h"
#include "cli/run_view.h"

namespace modelrun::cli {
namespace {

constexpr std::string_view kCancelExamples = R"(  kubectl modelrun cancel forecasts-x7k2p
  kubectl modelrun cancel forecasts-x7k2p && kubectl modelrun wait forecasts-x7k2p

It cannot be taken back. The model gets SIGTERM and, five seconds later, SIGKILL; what it printed and wrote
is kept. A run that is over stays as it is.
)";

constexpr std::string_view kSuspendExamples = R"(  kubectl modelrun suspend forecasts-x7k2p
  kubectl modelrun resume forecasts-x7k2p

A suspended run keeps its commit and gives its slot to others. If its model is running, it is ended, and begins
anew when the run is resumed. A run that is over stays as it is.
)";

constexpr std::string_view kDeleteExamples = R"(  kubectl modelrun delete forecasts-x7k2p forecasts-9fkq2
  kubectl modelrun delete $(kubectl modelrun get --phase Failed -o name)

A run that is under way is ended; what it has left goes with it.
)";

using Change = std::function<Result<void>(Session&, const std::string& name)>;

// Carries out `change` for each name. One that fails is told, with its name, and the others are gone on with; the exit
// code is then 1.
Result<int> for_each(Session& session, const std::vector<std::string>& names, const Change& change) {
  int code = 0;
  for (const auto& name : names) {
    if (const auto done = change(session, run_name(name)); !done) {
      if (names.size() == 1 || done.error().kind == ErrorKind::kCancelled) return std::unexpected(done.error());
      session.console.note("error: " + done.error().message);
      code = 1;
    }
  }
  return code;
}

// Sets spec.FIELD. `said` is what is printed: "NAME said".
Result<void> set_field(Session& session, const std::string& name, const char* field, bool value,
                       std::string_view said) {
  const auto object = session.client.patch(kube::kModelRuns, session.namespace_, name, kube::PatchType::kMerge,
                                           {{"spec", {{field, value}}}}, {}, session.stop);
  RETURN_IF_ERROR(object);
  const auto run = api::decode_model_run(*object);
  if (api::is_final(run.status.phase)) {
    session.console.note(fmt::format("{} was over already", progress_line(run)));
  } else {
    session.console.out(fmt::format("modelrun.modelrun.dev/{} {}\n", name, said));
  }
  return {};
}

Result<void> remove(Session& session, const std::string& name) {
  RETURN_IF_ERROR(session.client.remove(kube::kModelRuns, session.namespace_, name,
                                        {.propagation = kube::Propagation::kBackground}, session.stop));
  session.console.out(fmt::format("modelrun.modelrun.dev/{} deleted\n", name));
  return {};
}

void add(CLI::App& app, Command& chosen, const char* word, const char* help, std::string_view examples, Change change) {
  const auto names = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand(word, help);
  command->add_option("NAME", *names, "the runs")->required();
  command->footer(footer(examples));
  command->callback([names, change = std::move(change), &chosen] {
    chosen = [names, change](Session& session) { return for_each(session, *names, change); };
  });
}

Change setter(const char* field, bool value, std::string_view said) {
  return [=](Session& session, const std::string& name) { return set_field(session, name, field, value, said); };
}

}  // namespace

void add_changes(CLI::App& app, Command& chosen) {
  add(app, chosen, "cancel", "Stop runs", kCancelExamples, setter("cancel", true, "is being cancelled"));
  add(app, chosen, "suspend", "Have runs wait", kSuspendExamples, setter("suspend", true, "is suspended"));
  add(app, chosen, "resume", "Have suspended runs go on", kSuspendExamples, setter("suspend", false, "goes on"));
  add(app, chosen, "delete", "Delete runs with what they have left", kDeleteExamples, remove);
}

}  // namespace modelrun::cli
