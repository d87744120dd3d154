#include "cli/completion_scripts.h"

#include <algorithm>
#include <array>
#include <utility>

namespace modelrun::cli {
namespace {

constexpr std::string_view kBash = R"(# bash completion for kubectl-modelrun
_kubectl_modelrun() {
  local lines candidate current=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  mapfile -t lines < <(kubectl-modelrun __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  ((${#lines[@]} > 0)) || return 0
  [[ $current != = ]] || current=
  for candidate in "${lines[@]:0:${#lines[@]}-1}"; do
    candidate=${candidate%%$'\t'*}
    [[ $candidate != "$current"* ]] || COMPREPLY+=("$candidate")
  done
  [[ ${lines[-1]} != :0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -o filenames -F _kubectl_modelrun kubectl-modelrun
)";

constexpr std::string_view kZsh = R"(#compdef kubectl-modelrun
# zsh completion for kubectl-modelrun
_kubectl_modelrun() {
  local -a lines
  lines=("${(@f)$(kubectl-modelrun __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  (( ${#lines} > 0 )) || return 1
  if [[ ${lines[-1]} == :0 ]]; then
    _files
    return
  fi
  lines=("${(@)lines[1,-2]%%$'\t'*}")
  compadd -a lines
}
(( ${+functions[compdef]} )) && compdef _kubectl_modelrun kubectl-modelrun
)";

constexpr std::string_view kFish = R"(# fish completion for kubectl-modelrun
function __kubectl_modelrun_complete
  set -l words (commandline -opc)[2..-1] (commandline -ct)
  set -l lines (kubectl-modelrun __complete $words 2>/dev/null)
  test (count $lines) -gt 0; or return
  if test "$lines[-1]" = :0
    __fish_complete_path (commandline -ct)
    return
  end
  for line in $lines
    string match -q ':*' -- $line; or printf '%s\n' $line
  end
end
complete -c kubectl-modelrun -f -a '(__kubectl_modelrun_complete)'
)";

constexpr std::string_view kKubectl = R"(#!/bin/sh
# Has kubectl's own completion complete `kubectl modelrun`. Put it into PATH as kubectl_complete-modelrun.
exec kubectl-modelrun __complete "$@"
)";

constexpr std::array kScripts{std::pair{std::string_view("bash"), kBash}, std::pair{std::string_view("zsh"), kZsh},
                              std::pair{std::string_view("fish"), kFish},
                              std::pair{std::string_view("kubectl"), kKubectl}};

}  // namespace

std::string_view completion_script(std::string_view shell) {
  const auto* const found = std::ranges::find(kScripts, shell, [](const auto& row) { return row.first; });
  return found == kScripts.end() ? std::string_view() : found->second;
}

}  // namespace modelrun::cli
