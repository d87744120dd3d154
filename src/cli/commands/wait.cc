#include "cli/await_sweep.h"
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
  kubectl modelrun wait modelsweep/forecasts-b9d4q

Exit code: that of `run` or `sweep`; 1 when it has not ended within --timeout.
)";

// The outputs of a sweep are its table; as JSON, so that a script reads them as those of a run with points.
SweepFormat sweep_format_of(Format format) {
  switch (format) {
    case Format::kJson:
      return SweepFormat::kJson;
    case Format::kOutputs:
      return SweepFormat::kJsonLines;
    case Format::kName:
      return SweepFormat::kName;
    case Format::kText:
      break;
  }
  return SweepFormat::kText;
}

Result<int> execute_wait(Session& session, const WaitFlags& flags) {
  if (const auto target = target_of(flags.name); target.is_sweep()) {
    std::optional<std::chrono::seconds> limit;
    if (flags.timeout) limit = std::chrono::seconds{*flags.timeout};
    return finish_sweep(session, target.name, limit, sweep_format_of(flags.end.format()));
  }
  AwaitOptions options = flags.end.options(session.console);
  options.follow = false;
  if (flags.timeout) options.limit = std::chrono::seconds{*flags.timeout};
  return finish_run(session, run_name(flags.name), options, flags.end.format());
}

}  // namespace

void add_wait(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<WaitFlags>();
  auto* command = app.add_subcommand("wait", "Wait for the end of a run or a sweep");
  command->add_option("NAME", flags->name, "the run; a sweep is modelsweep/NAME")->required();
  add_span(*command, "--timeout", flags->timeout, "give up after that time (90, 90s, 5m); without it, never");
  add_output_flag(*command, flags->end);
  command->footer(footer(kWaitExamples));
  command->callback([flags, &chosen] { chosen = [flags](Session& session) { return execute_wait(session, *flags); }; });
}

}  // namespace modelrun::cli
