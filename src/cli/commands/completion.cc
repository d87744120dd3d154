#include "cli/commands/commands.h"
#include "cli/completion_scripts.h"

namespace modelrun::cli {
namespace {

constexpr std::string_view kCompletionExamples = R"(  # for `kubectl modelrun`, where kubectl's own completion is set up
  kubectl modelrun completion kubectl > ~/.local/bin/kubectl_complete-modelrun
  chmod +x ~/.local/bin/kubectl_complete-modelrun
  # for kubectl-modelrun
  source <(kubectl modelrun completion bash)
  kubectl modelrun completion zsh > "${fpath[1]}/_kubectl-modelrun"
  kubectl modelrun completion fish > ~/.config/fish/completions/kubectl-modelrun.fish

Names of runs, projects, models and namespaces come from the cluster; without an answer within two seconds there are none.
)";

}  // namespace

void add_completion(CLI::App& app, LocalCommand& chosen) {
  const auto shell = std::make_shared<std::string>();
  auto* command = app.add_subcommand("completion", "Print what makes a shell complete command lines");
  command->add_option("SHELL", *shell, "bash, zsh, fish, or kubectl: the program that kubectl's own completion asks")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish", "kubectl"}));
  command->footer(footer(kCompletionExamples));
  command->callback([shell, &chosen] {
    chosen = [shell](Console& console, const std::stop_token&) -> Result<int> {
      console.out(completion_script(*shell));
      return 0;
    };
  });
}

}  // namespace modelrun::cli
