// The commands that change runs and sweeps which are there: cancel, suspend, resume and delete. Each takes several
// names.
#include <optional>

#include "api/model_sweep.h"
#include "cli/commands/commands.h"
#include "cli/run_view.h"
#include "cli/sweep_view.h"

namespace modelrun::cli {
namespace {

constexpr std::string_view kCancelExamples = R"(  kubectl modelrun cancel forecasts-x7k2p
  kubectl modelrun cancel forecasts-x7k2p && kubectl modelrun wait forecasts-x7k2p

It cannot be taken back. The model gets SIGTERM and, five seconds later, SIGKILL; what it printed and wrote
is kept. A run that is over stays as it is. A sweep stops all of its runs; the points that have ended stay in its table.
)";

constexpr std::string_view kSuspendExamples = R"(  kubectl modelrun suspend forecasts-x7k2p
  kubectl modelrun resume forecasts-x7k2p

A suspended run keeps its commit and gives its slot to others. If its model is running, it is ended, and begins
anew when the run is resumed. A run that is over stays as it is.
)";

constexpr std::string_view kDeleteExamples = R"(  kubectl modelrun delete forecasts-x7k2p forecasts-9fkq2
  kubectl modelrun delete $(kubectl modelrun get --phase Failed -o name)

A run that is under way is ended; what it has left goes with it. With a sweep go its runs and its table.
)";

using Change = std::function<Result<void>(Session&, const Target& target)>;

// Carries out `change` for each name. One that fails is told, with its name, and the others are gone on with; the exit
// code is then 1.
Result<int> for_each(Session& session, const std::vector<std::string>& names, const Change& change) {
  int code = 0;
  for (const auto& name : names) {
    if (const auto done = change(session, target_of(name)); !done) {
      if (names.size() == 1 || done.error().kind == ErrorKind::kCancelled) return std::unexpected(done.error());
      session.console.note("error: " + done.error().message);
      code = 1;
    }
  }
  return code;
}

// Its progress_line() if it is over, else nullopt.
std::optional<std::string> how_it_ended(const Target& target, const kube::Json& object) {
  const auto line = [](const auto& decoded) {
    return api::is_final(decoded.status.phase) ? std::optional(progress_line(decoded)) : std::nullopt;
  };
  return target.is_sweep() ? line(api::decode_model_sweep(object)) : line(api::decode_model_run(object));
}

// Sets spec.FIELD. `said` is what is printed: "NAME said".
Result<void> set_field(Session& session, const Target& target, const char* field, bool value, std::string_view said) {
  const auto object = session.client.patch(*target.resource, session.namespace_, target.name, kube::PatchType::kMerge,
                                           {{"spec", {{field, value}}}}, {}, session.stop);
  RETURN_IF_ERROR(object);
  if (const auto ended = how_it_ended(target, *object)) {
    session.console.note(fmt::format("{} was over already", *ended));
  } else {
    session.console.out(fmt::format("{} {}\n", full_name(target), said));
  }
  return {};
}

Result<void> remove(Session& session, const Target& target) {
  RETURN_IF_ERROR(session.client.remove(*target.resource, session.namespace_, target.name,
                                        {.propagation = kube::Propagation::kBackground}, session.stop));
  session.console.out(fmt::format("{} deleted\n", full_name(target)));
  return {};
}

void add(CLI::App& app, Command& chosen, const char* word, const char* help, std::string_view examples, Change change) {
  const auto names = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand(word, help);
  command->add_option("NAME", *names, "the runs; a sweep is modelsweep/NAME")->required();
  command->footer(footer(examples));
  command->callback([names, change = std::move(change), &chosen] {
    chosen = [names, change](Session& session) { return for_each(session, *names, change); };
  });
}

Change setter(const char* field, bool value, std::string_view said) {
  return [=](Session& session, const Target& target) { return set_field(session, target, field, value, said); };
}

}  // namespace

void add_changes(CLI::App& app, Command& chosen) {
  add(app, chosen, "cancel", "Stop runs and sweeps", kCancelExamples, setter("cancel", true, "is being cancelled"));
  add(app, chosen, "suspend", "Have runs and sweeps wait", kSuspendExamples, setter("suspend", true, "is suspended"));
  add(app, chosen, "resume", "Have suspended runs and sweeps go on", kSuspendExamples,
      setter("suspend", false, "goes on"));
  add(app, chosen, "delete", "Delete runs and sweeps with what they have left", kDeleteExamples, remove);
}

}  // namespace modelrun::cli
