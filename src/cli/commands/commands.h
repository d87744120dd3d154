// The commands. Each add_...() adds one subcommand to `app`; when that is the one on the command line, `chosen` is set
// to what it does. Both must outlive the parsing.
#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

#include "cli/await.h"
#include "cli/session.h"

namespace modelrun::cli {

void add_run(CLI::App& app, Command& chosen);
void add_get(CLI::App& app, Command& chosen);
void add_wait(CLI::App& app, Command& chosen);
void add_logs(CLI::App& app, Command& chosen);
void add_output(CLI::App& app, Command& chosen);
void add_cancel(CLI::App& app, Command& chosen);
void add_rerun(CLI::App& app, Command& chosen);
void add_token(CLI::App& app, Command& chosen);

// What `run`, `rerun` and `wait` have in common.
struct EndFlags {
  bool wait = true;
  std::optional<bool> follow;  // default: when standard output is a terminal and nothing else is to go there
  std::string output = "text";

  [[nodiscard]] Format format() const;
  [[nodiscard]] AwaitOptions options(const Console& console) const;
};
void add_output_flag(CLI::App& command, EndFlags& flags);
void add_end_flags(CLI::App& command, EndFlags& flags);  // the above and --wait, --follow

// The parameters flags of `run` and `rerun`.
struct ParameterFlags {
  std::vector<std::string> pairs;
  std::string file;

  // On top of `base`; a file replaces it.
  Result<std::optional<kube::Json>> read(Session& session, std::optional<kube::Json> base) const;
};
void add_parameter_flags(CLI::App& command, ParameterFlags& flags);

// Creates the run and does what the flags say.
Result<int> start_run(Session& session, const kube::Json& object, const EndFlags& flags);

// What stands below every command's options.
std::string footer(std::string_view examples);

}  // namespace modelrun::cli
