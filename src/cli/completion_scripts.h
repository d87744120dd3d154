// The scripts that `kubectl modelrun completion` prints. Pure.
#pragma once

#include <string_view>

namespace modelrun::cli {

// The script for "bash", "zsh" or "fish", which completes the command line of kubectl-modelrun; for "kubectl" that of
// the program kubectl_complete-modelrun, which kubectl's own completion asks. Empty for another word.
std::string_view completion_script(std::string_view shell);

}  // namespace modelrun::cli
