#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>

#include "api/json_access.h"
#include "api/reason.h"
#include "cli/commands/commands.h"
#include "cli/local_run.h"
#include "cli/output_files.h"
#include "cli/run_view.h"
#include "controller/run/verdict.h"

namespace modelrun::cli {
namespace {

struct TryFlags {
  LocalRun run;
  ParameterFlags parameters;
  std::optional<std::int64_t> timeout_seconds;
  std::string directory;
  std::string output = "text";
};

constexpr std::string_view kTryExamples = R"(  # run.py of this working tree
  kubectl modelrun try .
  # one model, with parameters, and with the packages of a virtual environment
  kubectl modelrun try . --model revenue --param growth=0.08 --python .venv/bin/python
  # the outputs alone, and all files into a folder
  kubectl modelrun try . -o outputs --all results | jq .total

The model runs on this machine as it would in a pod: as /repo, with /inputs, /outputs and /tmp of its own, without network,
behind the same rings, by the same harness. The line "Rings" says which of them stand here. It sees the files as they are,
committed or not; of this machine's files it sees only the system's and those of the Python that runs it.

Exit code: 0 Succeeded; the model's own (1 to 125) when it failed by itself; 124 TimedOut; 130 Cancelled, or
Ctrl-C; 1 any other failure; 2 a wrong command line.
)";

// How the run would have ended on a cluster. There the evidence for an end without an exit record is the pod's status.
controller::Verdict verdict_of(const api::ResultFrame& frame, std::chrono::seconds timeout) {
  auto verdict = controller::judge_frame(frame, timeout.count(), "ended by Ctrl-C");
  if (verdict) return *std::move(verdict);
  if (frame.exit.how == api::ExitHow::kTerminated) {
    return {api::Phase::kCancelled, std::string(api::reason::kCancelled), "ended by a signal from outside", {}};
  }
  return {api::Phase::kFailed, std::string(api::reason::kAgentLost), "the container ended without a word", {}};
}

// Outputs of up to so many bytes would be in the run's status; larger ones are stored as text.
constexpr std::size_t kStatusOutputs = std::size_t{64} << 10U;

// The numbers of a status as the API server gives them back: it writes one without a fraction as an integer, as far as
// an integer can hold it.
kube::Json as_stored(kube::Json value) {
  constexpr double kBeyondIntegers = 18446744073709551616.0;  // 2^64
  if (value.is_structured()) {
    for (auto& each : value) each = as_stored(std::move(each));
    return value;
  }
  if (!value.is_number_float()) return value;
  const auto number = value.get<double>();
  if (number != std::trunc(number) || std::abs(number) >= kBeyondIntegers) return value;
  if (number >= 0) return static_cast<std::uint64_t>(number);
  return number >= static_cast<double>(std::numeric_limits<std::int64_t>::min())
             ? kube::Json(static_cast<std::int64_t>(number))
             : value;
}

// As a run of a cluster would be, for what prints those.
api::ModelRun as_run(const TryFlags& flags, const api::ResultFrame& frame, const controller::Verdict& verdict) {
  api::ModelRun run;
  run.meta.name = flags.run.entry_point();
  auto& status = run.status;
  status.phase = verdict.phase;
  status.exit_code = verdict.exit_code;
  status.started_at = frame.exit.started_at;
  status.finished_at = frame.exit.finished_at;
  status.err = frame.err.head + frame.err.tail;
  status.outputs = frame.outputs;
  if (frame.outputs && frame.outputs->text().size() <= kStatusOutputs) {
    status.outputs = api::JsonText::from_compact(api::json_text(as_stored(frame.outputs->parse())));
  }
  status.warning = frame.artifact_loss;
  if (!frame.warning.empty()) status.warning += (status.warning.empty() ? "" : "; ") + frame.warning;
  status.message = verdict.message;
  if (verdict.phase != api::Phase::kSucceeded) status.error = api::RunError{verdict.reason, verdict.message};
  for (const auto& artifact : frame.artifacts) {
    status.artifacts.push_back(
        {artifact.name, artifact.size, artifact.sha256, artifact.media_type, artifact.bytes.has_value()});
  }
  return run;
}

// As `kubectl modelrun output --all DIR`; standard output is for the result.
Result<void> write_files(Console& console, const TryFlags& flags, const api::ResultFrame& frame,
                         const api::ModelRun& run) {
  const std::filesystem::path folder(flags.directory);
  const auto write = [&console](const std::filesystem::path& path, std::string_view bytes) -> Result<void> {
    RETURN_IF_ERROR(write_output(path, bytes));
    console.note(path.string());
    return {};
  };
  if (run.status.outputs) {
    RETURN_IF_ERROR(write(folder / kOutputsFile, api::json_text(run.status.outputs->parse(), 2) + '\n'));
  }
  for (const auto& artifact : frame.artifacts) {
    if (!artifact.bytes) continue;  // the summary says so
    const auto path = path_below(folder, artifact.name);
    RETURN_IF_ERROR(path);
    const auto contents = api::contents_of(artifact);
    RETURN_IF_ERROR(contents);
    RETURN_IF_ERROR(write(*path, *contents));
  }
  return {};
}

Result<int> execute_try(Console& console, const TryFlags& flags, std::stop_token stop) {
  LocalRun local = flags.run;
  if (flags.timeout_seconds) local.timeout = std::chrono::seconds(*flags.timeout_seconds);
  const auto parameters = flags.parameters.read(console, std::nullopt);
  RETURN_IF_ERROR(parameters);
  if (*parameters) local.parameters = api::json_text(**parameters);
  const bool text = flags.output == "text";
  const auto frame = run_locally(local, console, /*all_to_err=*/!text, std::move(stop));
  RETURN_IF_ERROR(frame);
  const auto run = as_run(flags, *frame, verdict_of(*frame, local.timeout));
  if (!flags.directory.empty()) RETURN_IF_ERROR(write_files(console, flags, *frame, run));
  if (text) {
    console.out(fmt::format("{}{:<11}{}\n", summary(run, Time{}), "Rings:", frame->rings));
  } else {
    console.out(run.status.outputs ? api::json_text(run.status.outputs->parse(), 2) + '\n' : "null\n");
    if (run.status.phase != api::Phase::kSucceeded) console.note(progress_line(run));
  }
  return exit_code_of(run);
}

}  // namespace

void add_try(CLI::App& app, LocalCommand& chosen) {
  const auto flags = std::make_shared<TryFlags>();
  auto* command = app.add_subcommand("try", "Run a model of a working tree on this machine, without a cluster");
  command->add_option("DIR", flags->run.repo, "the working tree")->required();
  command->add_option("-m,--model", flags->run.model, "run model/NAME.py instead of run.py")->type_name("NAME");
  add_parameter_flags(*command, flags->parameters);
  command->add_option("--python", flags->run.python, "the Python that runs it, with the packages that it needs")
      ->capture_default_str();
  command->add_option("--data", flags->run.data, "a folder that becomes /data")->type_name("DIR");
  command->add_option("--env", flags->run.environment, "a variable of the model, may be given again")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  add_span(*command, "--timeout", flags->timeout_seconds, "after which the model is ended (90, 90s, 5m); 5m");
  command->add_option("--all", flags->directory, "write all outputs and files into this folder")->type_name("DIR");
  command->add_option("-o,--output", flags->output, "what is printed at the end: text; outputs (its outputs as JSON)")
      ->check(CLI::IsMember({"text", "outputs"}))
      ->capture_default_str();
  command->footer(footer(kTryExamples));
  command->callback([flags, &chosen] {
    chosen = [flags](Console& console, std::stop_token stop) { return execute_try(console, *flags, std::move(stop)); };
  });
}

}  // namespace modelrun::cli
