#include "cli/app.h"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "cli/commands/commands.h"
#include "cli/complete.h"
#include "cli/words.h"

namespace modelrun::cli {
namespace {

constexpr std::string_view kComplete = "__complete";  // the word by which shells ask for completions
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kInterrupted = 130;

void add_global_flags(CLI::App& app, GlobalFlags& flags) {
  app.add_option("-n,--namespace", flags.namespace_, "namespace of the runs; the context's");
  app.add_option("--context", flags.context, "context of the kubeconfig; the current one");
  app.add_option("--kubeconfig", flags.kubeconfig,
                 "kubeconfig file; without it $KUBECONFIG, the pod's service account, ~/.kube/config");
  app.add_flag("--raw", flags.raw, "let a terminal have control characters of models as they are (dangerous)");
  app.set_version_flag("--version", MODELRUN_VERSION);
}

// The command that the command line names: one of the two is set.
struct Chosen {
  Command command;
  LocalCommand local;
};

void add_commands(CLI::App& app, Chosen& all) {
  auto& chosen = all.command;
  add_try(app, all.local);
  add_run(app, chosen);
  add_sweep(app, chosen);
  add_get(app, chosen);
  add_describe(app, chosen);
  add_wait(app, chosen);
  add_logs(app, chosen);
  add_output(app, chosen);
  add_compare(app, chosen);
  add_changes(app, chosen);
  add_rerun(app, chosen);
  add_doctor(app, chosen);
  add_token(app, chosen);
  add_completion(app, all.local);
}

// The first of `arguments` that can be a command; empty if there is none. The global flags may come before it.
std::string command_word(const CLI::App& app, const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with('-')) return arguments[i];
    const auto* option = app.get_option_no_throw(arguments[i]);
    if (option != nullptr && option->get_items_expected_max() > 0) ++i;  // its value
  }
  return {};
}

// "unknown command ...", if the command line names a command that there is not; else empty.
std::string unknown_command(const CLI::App& app, const std::vector<std::string>& arguments) {
  const auto word = command_word(app, arguments);
  if (word.empty()) return {};
  std::vector<std::string> known;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(command->get_name());
    std::ranges::copy(command->get_aliases(), std::back_inserter(known));
  }
  if (std::ranges::find(known, word) != known.end()) return {};
  const auto meant = nearest(word, known);
  return fmt::format("error: unknown command \"{}\"{}\nSee `kubectl modelrun --help`.\n", word,
                     meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant));
}

int tell_error(const Session& session, const Error& error) {
  if (error.kind == ErrorKind::kCancelled) {
    session.console.note(error.message);
    return kInterrupted;
  }
  session.console.note("error: " + error.message);
  if (const auto text = advice(session, error); !text.empty()) session.console.note(text);
  return kFailed;
}

int execute(const Surroundings& surroundings, const GlobalFlags& flags, const Command& command) {
  surroundings.console.set_raw(flags.raw);
  const auto connection = surroundings.connect(flags);
  if (!connection) {
    surroundings.console.note("error: " + connection.error().message);
    return kFailed;
  }
  kube::Client client(*connection->transport);
  Session session{client,
                  surroundings.console,
                  surroundings.clock,
                  flags,
                  flags.namespace_.empty() ? connection->namespace_ : flags.namespace_,
                  surroundings.stop};
  const auto code = command(session);
  return code ? *code : tell_error(session, code.error());
}

int execute_local(const Surroundings& surroundings, const GlobalFlags& flags, const LocalCommand& command) {
  auto& console = surroundings.console;
  console.set_raw(flags.raw);
  const auto code = command(console, surroundings.stop);
  if (code) return *code;
  const bool cancelled = code.error().kind == ErrorKind::kCancelled;
  console.note((cancelled ? "" : "error: ") + code.error().message);
  return cancelled ? kInterrupted : kFailed;
}

}  // namespace

int run_app(std::vector<std::string> arguments, const Surroundings& surroundings) {
  GlobalFlags flags;
  Chosen chosen;
  CLI::App app("Runs models from git on Kubernetes, and shows what came of them.", "kubectl modelrun");
  app.require_subcommand(1);
  app.fallthrough();  // the global flags may also follow the command's name
  add_global_flags(app, flags);
  add_commands(app, chosen);
  app.footer("`kubectl modelrun COMMAND --help` has examples.");
  if (!arguments.empty() && arguments.front() == kComplete) {
    arguments.erase(arguments.begin());
    return complete(app, arguments, surroundings);
  }
  const auto line = arguments;
  try {
    std::ranges::reverse(arguments);  // CLI11 takes them from the back of the vector
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int code = app.exit(error, out, err);
    if (const auto unknown = code == 0 ? std::string() : unknown_command(app, line); !unknown.empty()) {
      surroundings.console.err(unknown);
      return kWrongUsage;
    }
    surroundings.console.out(out.str());
    surroundings.console.err(err.str());
    return code == 0 ? 0 : kWrongUsage;
  }
  return chosen.local ? execute_local(surroundings, flags, chosen.local) : execute(surroundings, flags, chosen.command);
}

}  // namespace modelrun::cli
