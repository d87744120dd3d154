// The commands of `kubectl modelrun`, and what several of them share.
//
// Each add_...() adds one subcommand to `app`. When the command line that `app` parses names that subcommand,
// `chosen` is set to the function that carries it out; nothing is carried out during the parsing. Both arguments are
// kept by reference until the parsing is done; `chosen` may be called after `app` is gone.
#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

#include "cli/await.h"
#include "cli/session.h"

namespace modelrun::cli {

void add_run(CLI::App& app, Command& chosen);
void add_get(CLI::App& app, Command& chosen);
void add_describe(CLI::App& app, Command& chosen);
void add_wait(CLI::App& app, Command& chosen);
void add_logs(CLI::App& app, Command& chosen);
void add_output(CLI::App& app, Command& chosen);
void add_compare(CLI::App& app, Command& chosen);
void add_changes(CLI::App& app, Command& chosen);  // cancel, suspend, resume, delete
void add_sweep(CLI::App& app, Command& chosen);
void add_rerun(CLI::App& app, Command& chosen);
void add_doctor(CLI::App& app, Command& chosen);
void add_token(CLI::App& app, Command& chosen);
void add_completion(CLI::App& app, LocalCommand& chosen);
void add_try(CLI::App& app, LocalCommand& chosen);

// The flags that say whether and how to wait for the end of a run. `run` and `rerun` have all of them; `wait` has
// only -o.
struct EndFlags {
  bool wait = true;
  std::optional<bool> follow;   // absent: follow if standard output is a terminal and the format is text
  std::string output = "text";  // text, json, outputs or name

  [[nodiscard]] Format format() const;
  // Sends the log to standard error unless the format is text. Sets no limit.
  [[nodiscard]] AwaitOptions options(const Console& console) const;
};
// Add -o, and -o together with --[no-]wait and --[no-]follow. `flags` is kept by reference and filled by the parsing.
void add_output_flag(CLI::App& command, EndFlags& flags);
void add_end_flags(CLI::App& command, EndFlags& flags);

// The flags with which `run` and `rerun` take parameters.
struct ParameterFlags {
  std::vector<std::string> pairs;  // --param
  std::string file;                // --params; "-" for standard input; empty: none

  // The parameters for the run: those of the file, or `base` without a file, with the pairs on top. Fails as
  // read_file(), parse_parameters_file() and merge_parameters() do.
  Result<std::optional<kube::Json>> read(const Console& console, std::optional<kube::Json> base) const;
};
// `flags` is kept by reference and filled by the parsing.
void add_parameter_flags(CLI::App& command, ParameterFlags& flags);

// Creates `object`, the manifest of a run or a sweep with apiVersion, kind and a namespace, and returns what was
// created. Sets session.namespace_ to its namespace.
//
// After kTimeout or kUnavailable it may have been created all the same, and the message says so. A refusal by the API
// server keeps its kind and is put in plain words (kube::plain_refusal()).
Result<kube::Json> create_object(Session& session, const kube::Resource& resource, const kube::Json& object);

// Creates the ModelRun `object`, a manifest with apiVersion, kind and a namespace. Then it waits and prints as
// `flags` say (finish_run()), or with --no-wait prints the name or the JSON of what was created and returns 0. Sets
// session.namespace_ to the namespace of the created run.
//
// Fails with kInvalid for -o outputs with --no-wait, before anything is created, as create_object() does, and once the
// run is created as finish_run() does.
Result<int> start_run(Session& session, const kube::Json& object, const EndFlags& flags);

// Adds an option that takes a span of time, as seconds or as 90s, 5m, 1h30m (parse_span()). `seconds` is kept by
// reference and filled by the parsing.
CLI::Option* add_span(CLI::App& command, const std::string& name, std::optional<std::int64_t>& seconds,
                      const std::string& help);

// The text to print below a command's options in --help: the examples, and where the global flags are listed.
std::string footer(std::string_view examples);

}  // namespace modelrun::cli
