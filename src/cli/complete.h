// Completes a command line: what may come at its end. Shells ask by `kubectl-modelrun __complete WORD...`, and kubectl
// by the program kubectl_complete-modelrun, which does the same (docs/cli.md).
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "cli/app.h"

namespace modelrun::cli {

// What may stand in the place of the last word.
struct Wanted {
  enum class Kind { kWords, kFiles, kRuns, kRunsAndSweeps, kProjects, kModels, kNamespaces };
  Kind kind = Kind::kWords;
  std::vector<std::string> words;  // of kWords: each with a tab and its description behind it, if there is one
  std::string prefix;              // what the last word begins with, behind the '=' of an option
  std::string before;              // "--option=" if the last word has that; stands before each candidate
  std::string project;             // of kModels
  GlobalFlags flags;               // as the words before it have them
};
// Reads `words`, the last of which is to be completed and may be empty. `app` has all commands. Pure.
Wanted wanted(const CLI::App& app, const std::vector<std::string>& words);

// Prints the candidates, one a line, then ":4", or ":0" if the shell is to offer files: Cobra's protocol, which kubectl
// speaks. Names come from the API server, at most 500 of them; there are none when it does not answer within two
// seconds. Returns 0.
int complete(const CLI::App& app, const std::vector<std::string>& words, const Surroundings& surroundings);

}  // namespace modelrun::cli
