#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>

#include "api/json_access.h"
#include "base/encoding.h"
#include "cli/commands/commands.h"
#include "cli/output_files.h"
#include "cli/run_view.h"
#include "kube/payload.h"

namespace modelrun::cli {
namespace {

struct OutputFlags {
  std::string name;
  std::string key;
  bool text = false;
  std::string directory;  // --all; empty: not given
};

constexpr std::string_view kOutputExamples = R"(  # all outputs, as one JSON object
  kubectl modelrun output forecasts-x7k2p
  # one of them
  kubectl modelrun output forecasts-x7k2p total
  kubectl modelrun output forecasts-x7k2p title --text
  # a file that the model left under /outputs
  kubectl modelrun output forecasts-x7k2p chart.png > chart.png
  # everything into a folder: outputs.json, and each file that the model left
  kubectl modelrun output forecasts-x7k2p --all results/
)";

void print_output(Session& session, const OutputFlags& flags, const kube::Json& value) {
  if (flags.text && value.is_string()) {
    session.console.out(value.get<std::string>() + '\n');
  } else {
    session.console.out(api::json_text(value, 2) + '\n');
  }
}

std::string names_of(const api::ModelRun& run, const std::optional<kube::Json>& outputs) {
  std::string names;
  const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  if (outputs && outputs->is_object()) {
    for (const auto& [key, value] : outputs->items()) add(key);
  }
  for (const auto& artifact : run.status.artifacts) add(artifact.name);
  return names.empty() ? "it left none" : "there are " + names;
}

// The artifacts of a run. The full result, which holds them all, is read when the first one is asked for.
class Artifacts {
 public:
  Artifacts(Session& session, const api::ModelRun& run) : session_(session), run_(run) {}

  Result<std::string> read(const api::ArtifactStatus& wanted) {
    const auto& name = run_.meta.name;
    if (!wanted.stored || !run_.status.result_ref) {
      return fail(ErrorKind::kNotFound, "artifact {} of run {}: its {} bytes were not kept, see status.warning",
                  wanted.name, name, wanted.size);
    }
    if (!frame_) frame_ = kube::load_payload(session_.client, run_, session_.stop);
    RETURN_IF_ERROR(*frame_);
    const auto& all = (*frame_)->artifacts;
    const auto found = std::ranges::find(all, wanted.name, &api::Artifact::name);
    if (found == all.end() || !found->bytes) {
      return fail(ErrorKind::kNotFound, "artifact {} of run {} is not in the full result", wanted.name, name);
    }
    auto contents = api::contents_of(*found);
    if (!contents) return fail_in(fmt::format("artifact {} of run {}", wanted.name, name), contents.error());
    if (sha256_hex(*contents) != wanted.sha256) {
      return fail(ErrorKind::kInvalid, "artifact {} of run {}: its SHA-256 is not the one in status", wanted.name,
                  name);
    }
    return contents;
  }

 private:
  Session& session_;
  const api::ModelRun& run_;
  std::optional<Result<api::ResultFrame>> frame_;
};

Result<int> write_all(Session& session, const OutputFlags& flags, const api::ModelRun& run,
                      const std::optional<kube::Json>& outputs) {
  const std::filesystem::path folder(flags.directory);
  const auto write = [&session](const std::filesystem::path& path, std::string_view bytes) -> Result<void> {
    RETURN_IF_ERROR(write_output(path, bytes));
    session.console.out(path.string() + '\n');
    return {};
  };
  if (outputs) RETURN_IF_ERROR(write(folder / kOutputsFile, api::json_text(*outputs, 2) + '\n'));
  Artifacts artifacts(session, run);
  int code = 0;
  for (const auto& artifact : run.status.artifacts) {
    const auto path = path_below(folder, artifact.name);
    const auto bytes = path ? artifacts.read(artifact) : std::unexpected(path.error());
    const auto written = bytes ? write(*path, *bytes) : std::unexpected(bytes.error());
    if (written) continue;
    session.console.note("error: " + written.error().message);
    code = 1;
  }
  return code;
}

Result<int> print_key(Session& session, const OutputFlags& flags, const api::ModelRun& run,
                      const std::optional<kube::Json>& outputs) {
  if (outputs && outputs->is_object() && outputs->contains(flags.key)) {
    print_output(session, flags, outputs->at(flags.key));
    return 0;
  }
  const auto artifact = std::ranges::find(run.status.artifacts, flags.key, &api::ArtifactStatus::name);
  if (artifact != run.status.artifacts.end()) {
    const auto bytes = Artifacts(session, run).read(*artifact);
    RETURN_IF_ERROR(bytes);
    session.console.out(*bytes);
    return 0;
  }
  return fail(ErrorKind::kNotFound, "run {} has no output '{}': {}", run.meta.name, flags.key, names_of(run, outputs));
}

Result<int> execute_output(Session& session, const OutputFlags& flags) {
  const std::string name = run_name(flags.name);
  const auto object = get_run(session, name);
  RETURN_IF_ERROR(object);
  const auto run = api::decode_model_run(*object);
  if (!api::is_final(run.status.phase)) {
    return fail(ErrorKind::kConflict, "{}. It has no outputs yet: `{}` prints them when it ends", progress_line(run),
                session.hint(fmt::format("wait {} -o outputs", name)));
  }
  const auto text = kube::load_outputs(session.client, run, session.stop);
  RETURN_IF_ERROR(text);
  const auto outputs = *text ? std::optional((*text)->parse()) : std::nullopt;
  if (!flags.directory.empty()) return write_all(session, flags, run, outputs);
  if (!flags.key.empty()) return print_key(session, flags, run, outputs);
  if (!outputs) return fail(ErrorKind::kNotFound, "run {} left no outputs: {}", name, progress_line(run));
  print_output(session, flags, *outputs);
  return 0;
}

}  // namespace

void add_output(CLI::App& app, Command& chosen) {
  const auto flags = std::make_shared<OutputFlags>();
  auto* command = app.add_subcommand("output", "Print the outputs of a run, one of them, or a file it left");
  command->add_option("NAME", flags->name, "the run")->required();
  auto* key = command->add_option("KEY", flags->key, "one output, or an artifact's name");
  command->add_option("--all", flags->directory, "write all outputs and files into this folder")
      ->type_name("DIR")
      ->excludes(key);
  command->add_flag("--text", flags->text, "print an output that is a text as it is, not as JSON");
  command->footer(footer(kOutputExamples));
  command->callback(
      [flags, &chosen] { chosen = [flags](Session& session) { return execute_output(session, *flags); }; });
}

}  // namespace modelrun::cli
