#include "cli/commands/commands.h"
#include "cli/kept_logs.h"
#include "cli/run_view.h"

namespace modelrun::cli {
namespace {

struct LogsFlags {
  std::string name;
  bool follow = false;
  bool only_out = false;
  bool only_err = false;
  LogView view;

  [[nodiscard]] Streams streams() const {
    if (only_out) return Streams::kOut;
    return only_err ? Streams::kErr : Streams::kBoth;
  }
};

constexpr std::string_view kLogsExamples = R"(  kubectl modelrun logs forecasts-x7k2p
  kubectl modelrun logs forecasts-x7k2p -f
  kubectl modelrun logs forecasts-x7k2p --tail 20
  kubectl modelrun logs forecasts-x7k2p -f --since 5m --timestamps
  kubectl modelrun logs forecasts-x7k2p --stderr > errors.txt

While the run's pod is there, its log is shown: both streams in the order in which they were written. Later, and with
--stdout or --stderr, it is what was kept: by default the first and last parts of 256 KiB of each stream. What was kept has
no times: --since and --timestamps are for the pod's log alone.
)";

// Prints the pod's log as it is now. Returns false if there is no pod log to print: for a run that has ended, the
// caller then prints what is kept of it; any other run has no log yet. An error that does not mean this, or that
// comes after something was printed, is returned.
Result<bool> print_pod_log(Session& session, const api::ModelRun& run, const LogView& view) {
  if (run.status.pod_name.empty()) return false;
  bool printed = false;
  const auto on_data = [&](std::string_view piece) {
    printed = true;
    session.console.out(piece);
    return true;
  };
  const auto result = session.client.pod_log_stream(run.meta.namespace_, run.status.pod_name, view.options(false),
                                                    std::chrono::seconds{60}, on_data, session.stop);
  if (result) return true;
  // kInvalid (HTTP 400): the API server does not know yet that the container runs. A run can be Running before the
  // kubelet has reported that.
  const bool elsewhere = api::is_final(run.status.phase) || result.error().kind == ErrorKind::kInvalid;
  if (printed || !elsewhere || session.stop.stop_requested()) return std::unexpected(result.error());
  return false;
}

Result<int> print_end(Session& session, const api::ModelRun& run, Streams streams, const LogView& view) {
  if (streams == Streams::kBoth) {
    const auto printed = print_pod_log(session, run, view);
    RETURN_IF_ERROR(printed);
    if (*printed) return 0;
  }
  if (view.since || view.timestamps) {
    return fail(ErrorKind::kInvalid,
                "run {} has ended and its pod is gone. What is kept of its log has no times: leave --since and "
                "--timestamps out",
                run.meta.name);
  }
  RETURN_IF_ERROR(print_kept(session, run, streams, {.all_to_err = false, .tail = view.tail}));
  if (!run.status.started_at) session.console.note(progress_line(run));
  return 0;
}

Result<int> execute_logs(Session& session, const LogsFlags& flags) {
  const std::string name = run_name(flags.name);
  auto object = get_run(session, name);
  RETURN_IF_ERROR(object);
  auto run = api::decode_model_run(*object);
  if (api::is_final(run.status.phase)) return print_end(session, run, flags.streams(), flags.view);
  const bool live = flags.streams() == Streams::kBoth;
  if (!live && !flags.follow) {
    return fail(ErrorKind::kInvalid,
                "run {} has not ended, and its streams can be told apart only then: add -f to wait for it, or "
                "leave --stdout and --stderr out",
                name);
  }
  if (flags.follow) {
    auto end = await_end(session, name, {.follow = live, .tell = !live, .view = flags.view, .limit = {}});
    RETURN_IF_ERROR(end);
    run = api::decode_model_run(*end);
    if (!live) return print_end(session, run, flags.streams(), flags.view);
    if (exit_code_of(run) != 0) session.console.note(progress_line(run));
    return 0;
  }
  const auto printed = print_pod_log(session, run, flags.view);
  RETURN_IF_ERROR(printed);
  if (*printed) return 0;
  return fail(ErrorKind::kConflict, "{}. It has no log yet; add -f to wait for it", progress_line(run));
}

}  // namespace

void add_logs(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<LogsFlags>();
  auto* command = app.add_subcommand("logs", "Show what a run's model prints or has printed");
  command->add_option("NAME", flags->name, "the run")->required();
  command->add_flag("-f,--follow", flags->follow, "go on until the run has ended");
  command->add_option("--tail", flags->view.tail, "only the last lines; with -f also what comes after them")
      ->check(CLI::NonNegativeNumber)
      ->type_name("LINES");
  auto* since = add_span(*command, "--since", flags->view.since,
                         "only what was printed in the last 90, 90s, 5m; while the run's pod is there");
  auto* times = command->add_flag("--timestamps", flags->view.timestamps,
                                  "put the time before each line; while the run's pod is there");
  auto* out = command->add_flag("--stdout", flags->only_out, "its standard output alone, once it has ended")
                  ->excludes(since)
                  ->excludes(times);
  command->add_flag("--stderr", flags->only_err, "its standard error alone, once it has ended")
      ->excludes(out)
      ->excludes(since)
      ->excludes(times);
  command->footer(footer(kLogsExamples));
  command->callback([flags, &chosen] { chosen = [flags](Session& session) { return execute_logs(session, *flags); }; });
}

}  // namespace modelrun::cli
