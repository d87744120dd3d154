#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "api/json_access.h"
#include "base/encoding.h"
#include "cli/await_sweep.h"
#include "cli/commands/commands.h"
#include "cli/output_files.h"
#include "cli/plots.h"
#include "cli/point_lines.h"
#include "cli/point_table.h"
#include "cli/run_view.h"
#include "cli/sweep_view.h"
#include "kube/payload.h"
#include "kube/point_rows.h"

namespace modelrun::cli {
namespace {

struct OutputFlags {
  std::string name;
  std::string key;
  bool text = false;
  std::string directory;  // --all; empty: not given
  std::string format;     // -o; empty: not given
  bool plot = false;      // with -o text
};

constexpr std::string_view kOutputExamples = R"(  # all outputs, as one JSON object
  kubectl modelrun output forecasts-x7k2p
  # one of them
  kubectl modelrun output forecasts-x7k2p total
  kubectl modelrun output forecasts-x7k2p title --text
  # of a run with points: a JSON object for each point that is done, one a line; or that of point 17 alone
  kubectl modelrun output forecasts-x7k2p
  kubectl modelrun output forecasts-x7k2p 17
  # the table of a sweep, or of a run with points: for a spreadsheet; as JSON, an object a line or one list
  kubectl modelrun output modelsweep/forecasts-b9d4q -o csv > table.csv
  kubectl modelrun output modelsweep/forecasts-b9d4q -o jsonl | jq .outputs
  # what `sweep` prints at its end
  kubectl modelrun output modelsweep/forecasts-b9d4q -o text
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

// The two forms of rows, each of which is made when it is asked for only.
struct RowForms {
  std::function<std::string()> csv;
  std::function<std::string()> lines;  // JSON Lines
};

// Rows in the form that -o says: as CSV, or as JSON, one object a line or in one list.
std::string rows_text(const OutputFlags& flags, const RowForms& forms) {
  if (flags.format == "csv") return forms.csv();
  return flags.format == "json" ? array_of_lines(forms.lines()) : forms.lines();
}

Result<int> write_table(Session& session, const OutputFlags& flags, const std::string& name, const RowForms& forms) {
  for (const auto& [ending, text] : {std::pair("jsonl", &forms.lines), std::pair("csv", &forms.csv)}) {
    const auto path = std::filesystem::path(flags.directory) / fmt::format("{}.{}", name, ending);
    RETURN_IF_ERROR(write_output(path, (*text)()));
    session.console.out(path.string() + '\n');
  }
  return 0;
}

// A run with points has no outputs but those of its points. Those that are done are there while it runs, too.
Result<int> print_points(Session& session, const OutputFlags& flags, const api::ModelRun& run) {
  if (flags.format == "text") return fail(ErrorKind::kInvalid, "-o text is for sweeps");
  auto rows = kube::load_rows(session.client, run, session.stop);
  RETURN_IF_ERROR(rows);
  if (!flags.key.empty()) {
    const auto done = rows->size();
    std::erase_if(*rows, [&](const auto& row) { return std::to_string(row.point) != flags.key; });
    if (rows->empty()) {
      return fail(ErrorKind::kNotFound,
                  "run {} has no row of point '{}': {} of its points, which are numbered from 0, are done",
                  run.meta.name, flags.key, done);
    }
  }
  const RowForms forms{[&] { return sweep::to_csv(point_table(run, *rows)); }, [&] { return point_lines(run, *rows); }};
  if (!flags.directory.empty()) return write_table(session, flags, "points", forms);
  session.console.out(rows_text(flags, forms));
  return 0;
}

Result<int> print_sweep(Session& session, const OutputFlags& flags, const Target& target) {
  const auto object = get_object(session, target);
  RETURN_IF_ERROR(object);
  const auto sweep = api::decode_model_sweep(*object);
  auto table = read_table(session, sweep);
  RETURN_IF_ERROR(table);
  if (!flags.key.empty()) {
    const auto rows = table->rows.size();
    std::erase_if(table->rows, [&](const auto& row) { return std::to_string(row.index) != flags.key; });
    if (table->rows.empty()) {
      return fail(ErrorKind::kNotFound, "sweep {} has no point '{}': its {} points are numbered from 0", target.name,
                  flags.key, rows);
    }
  }
  const RowForms forms{[&] { return sweep::to_csv(*table); }, [&] { return sweep::to_json_lines(*table); }};
  if (!flags.directory.empty()) return write_table(session, flags, "table", forms);
  session.console.out(flags.format == "text" ? sweep_summary(sweep, *table, session.clock.now())
                                             : rows_text(flags, forms));
  if (flags.plot) session.console.out("\n" + plots(sweep, *table));
  return 0;
}

Result<int> execute_output(Session& session, const OutputFlags& flags) {
  const auto target = target_of(flags.name);
  if (flags.plot && (!target.is_sweep() || flags.format != "text")) {
    return fail(ErrorKind::kInvalid, "--plot goes with -o text of a sweep");
  }
  if (target.is_sweep()) return print_sweep(session, flags, target);
  const std::string& name = target.name;
  const auto object = get_run(session, name);
  RETURN_IF_ERROR(object);
  const auto run = api::decode_model_run(*object);
  if (run.status.points) return print_points(session, flags, run);
  if (!flags.format.empty() && flags.format != "json") {
    return fail(ErrorKind::kInvalid, "run {} has no points: -o {} is for runs with points and for sweeps", name,
                flags.format);
  }
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
  auto* command =
      app.add_subcommand("output", "Print the outputs of a run, one of them, or a file it left; or a sweep's table");
  command->add_option("NAME", flags->name, "the run; a sweep is modelsweep/NAME")->required();
  auto* key = command->add_option(
      "KEY", flags->key, "one output, or an artifact's name; of a run with points and of a sweep, a point's number");
  command->add_option("--all", flags->directory, "write all outputs and files into this folder")
      ->type_name("DIR")
      ->excludes(key);
  command
      ->add_option("-o,--output", flags->format,
                   "json; of a run with points and of a sweep: jsonl (the default), json or csv; of a sweep: text, too")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json", "jsonl", "csv"}));
  command->add_flag("--text", flags->text, "print an output that is a text as it is, not as JSON");
  command->add_flag("--plot", flags->plot, "with -o text of a sweep: draw what came out, as `sweep --plot` does");
  command->footer(footer(kOutputExamples));
  command->callback(
      [flags, &chosen] { chosen = [flags](Session& session) { return execute_output(session, *flags); }; });
}

}  // namespace modelrun::cli
