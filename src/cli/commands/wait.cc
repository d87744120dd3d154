#include "cli/commands/commands.h"

namespace modelrun::cli {
namespace {

struct WaitFlags {
  std::string name;
  std::optional<std::int64_t> timeout;
  EndFlags end;
};

constexpr std::string_view kWaitExamples = R"(  kubectl modelrun wait forecasts-x7k2p
  kubectl modelrun wait forecasts-x7k2p --timeout 60 -o outputs

Exit code: that of `run`; 1 when the run has not ended within --timeout.
)";

Result<int> execute_wait(Session& session, const WaitFlags& flags) {
  AwaitOptions options = flags.end.options(session.console);
  options.follow = false;
  if (flags.timeout) options.limit = std::chrono::seconds{*flags.timeout};
  return finish_run(session, run_name(flags.name), options, flags.end.format());
}

}  // namespace

void add_wait(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<WaitFlags>();
  auto* command = app.add_subcommand("wait", "Wait for the end of a run");
  command->add_option("NAME", flags->name, "the run")->required();
  add_span(*command, "--timeout", flags->timeout, "give up after that time (90, 90s, 5m); without it, never");
  add_output_flag(*command, flags->end);
  command->footer(footer(kWaitExamples));
  command->callback([flags, &chosen] { chosen = [flags](Session& session) { return execute_wait(session, *flags); }; });
}

}  // namespace modelrun::cli
