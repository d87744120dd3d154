#include "api/json_access.h"
#include "api/object_meta.h"
#include "cli/commands/commands.h"
#include "cli/parameters.h"
#include "cli/span.h"
#include "kube/refusal.h"

namespace modelrun::cli {

Format EndFlags::format() const {
  if (output == "json") return Format::kJson;
  if (output == "outputs") return Format::kOutputs;
  if (output == "name") return Format::kName;
  return Format::kText;
}

AwaitOptions EndFlags::options(const Console& console) const {
  const bool text = format() == Format::kText;
  return {.follow = follow.value_or(text && console.out_is_tty()), .log_to_err = !text, .limit = {}};
}

void add_output_flag(CLI::App& command, EndFlags& flags) {
  command
      .add_option("-o,--output", flags.output,
                  "what is printed at the end: text; json (the whole object); outputs (its outputs as JSON); name")
      ->check(CLI::IsMember({"text", "json", "outputs", "name"}))
      ->capture_default_str();
}

void add_end_flags(CLI::App& command, EndFlags& flags) {
  command.add_flag_callback(
      "--wait", [&flags] { flags.wait = true; }, "wait for the end and pass on the exit code (the default)");
  command.add_flag_callback("--no-wait", [&flags] { flags.wait = false; }, "only start it");
  command.add_flag_callback(
      "--follow", [&flags] { flags.follow = true; },
      "print what the model prints while it runs (the default on a terminal)");
  command.add_flag_callback("--no-follow", [&flags] { flags.follow = false; }, "do not");
  add_output_flag(command, flags);
}

Result<std::optional<kube::Json>> ParameterFlags::read(const Console& console, std::optional<kube::Json> base) const {
  if (!file.empty()) {
    const auto text = read_file(console, file);
    RETURN_IF_ERROR(text);
    auto parsed = parse_parameters_file(file == "-" ? "standard input" : file, *text);
    RETURN_IF_ERROR(parsed);
    base = std::move(*parsed);
  }
  return merge_parameters(std::move(base), pairs);
}

void add_parameter_flags(CLI::App& command, ParameterFlags& flags) {
  command
      .add_option("-p,--param", flags.pairs,
                  "name=value, may be given again; the value is taken as JSON if it is JSON (0.05, true, [1,2], "
                  "\"7\"), else as text")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--params", flags.file,
                  "JSON file with all parameters, - for standard input; --param changes single ones")
      ->type_name("FILE");
}

Result<kube::Json> create_object(Session& session, const kube::Resource& resource, const kube::Json& object) {
  auto created = session.client.create(resource, object, session.stop);
  const bool sweep = resource == kube::kModelSweeps;
  if (!created) {
    const auto& error = created.error();
    if (error.kind == ErrorKind::kTimeout || error.kind == ErrorKind::kUnavailable) {
      return fail(error.kind, "{}. The {} may have been created all the same: see `{}`.", error.message,
                  sweep ? "sweep" : "run", session.hint(sweep ? "get modelsweeps" : "get"));
    }
    return std::unexpected(kube::plain_refusal(error));
  }
  session.namespace_ = api::text_at(api::member(*created, "metadata"), "namespace");
  return created;
}

Result<int> start_run(Session& session, const kube::Json& object, const EndFlags& flags) {
  if (!flags.wait && flags.format() == Format::kOutputs) {
    return fail(ErrorKind::kInvalid, "-o outputs and --no-wait do not go together: there are no outputs yet");
  }
  const auto created = create_object(session, kube::kModelRuns, object);
  RETURN_IF_ERROR(created);
  const std::string name = api::decode_meta(*created).name;
  if (flags.wait) {
    session.console.note(fmt::format("{}: created in namespace {}", name, session.namespace_));
    return finish_run(session, name, flags.options(session.console), flags.format());
  }
  if (flags.format() == Format::kJson) {
    session.console.out(api::json_text(*created, 2) + '\n');
  } else {
    session.console.out(
        fmt::format("{}{}\n", full_name({&kube::kModelRuns, name}), flags.format() == Format::kName ? "" : " created"));
  }
  return 0;
}

CLI::Option* add_span(CLI::App& command, const std::string& name, std::optional<std::int64_t>& seconds,
                      const std::string& help) {
  const auto take = [&seconds](const CLI::results_t& words) {
    const auto span = parse_span(words.at(0));
    if (!span) throw CLI::ValidationError(span.error().message);
    seconds = *span;
    return true;
  };
  return command.add_option(name, take, help)->type_name("TIME");
}

std::string footer(std::string_view examples) {
  return fmt::format(
      "Examples:\n{}\nFlags for every command (-n, --context, --kubeconfig, --raw): kubectl modelrun --help", examples);
}

}  // namespace modelrun::cli
