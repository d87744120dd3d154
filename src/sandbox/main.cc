// modelrun-sandbox: the program that ModelRun runs in both containers of a run's pod. See kHelp for its subcommands.
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/agent.h"
#include "sandbox/exec.h"
#include "sandbox/install.h"
#include "sandbox/note.h"
#include "sandbox/syscall_table.h"

namespace {

using modelrun::sandbox::absent_syscalls;
using modelrun::sandbox::allowed_syscalls;
using modelrun::sandbox::conditional_syscalls;
using modelrun::sandbox::Layout;

constexpr std::string_view kHelp =
    R"(modelrun-sandbox runs one model in one pod. The operator starts it; people read this to understand a pod.

Usage:
  modelrun-sandbox agent              in the container `agent`: fetches the source, records and pushes the result.
                                      `model` has this program and the Python harness in /modelrun, a volume of our
                                      image; without MODELRUN_AGENT_SOCKET `agent` first installs them there
  modelrun-sandbox await-installed    the postStart hook of an `agent` that installs: returns when `model` may be
                                      started (20 s at most)
  modelrun-sandbox exec -- ARGV...    PID 1 of the container `model`: puts up the sandbox and runs ARGV in /repo
  modelrun-sandbox write-harness DIR  writes the Python harness into DIR: for the image of `agent`
  modelrun-sandbox system-calls       prints the system calls that a model may make, and how many there are
  modelrun-sandbox --version | --help

Environment of `agent` (all set by the operator):
  MODELRUN_RUN_SERVER            IP:PORT of the run server
  MODELRUN_RUN_SERVER_NAME       the name that its certificate must carry
  MODELRUN_RUN_SERVER_CA         PEM certificates that it must lead to
  MODELRUN_NAMESPACE, MODELRUN_RUN_NAME, MODELRUN_RUN_ID, MODELRUN_ATTEMPT
  MODELRUN_STDOUT_BYTES          kept of each stream, half from each end (262144)
  MODELRUN_OUTPUT_BYTES          outputs as JSON (1048576)
  MODELRUN_ARTIFACT_BYTES        artifacts in all, compressed (4194304)
  MODELRUN_CONNECT_SECONDS       how long to wait for the source and for `exec` (600)
  MODELRUN_STANDBY               of a pod that stands ready, in the place of run name, ID and attempt: its Job's name
  MODELRUN_POINTS                1: the run has points; they are fetched after the source, and their rows are reported

Environment of both, where `model` has its files by a volume:
  MODELRUN_AGENT_SOCKET          the abstract unix socket at which `agent` listens for `exec`

Environment of `exec` (taken out before the model starts):
  MODELRUN_TIMEOUT_SECONDS       then SIGTERM to every process, and SIGKILL 5 s later
  MODELRUN_LANDLOCK              required (default): without it in the kernel the run fails; optional
  MODELRUN_PREPARE               of a pod that stands ready, whose time comes with its work, and of one of a run with points:
                                 harness or nothing
  MODELRUN_PRELOAD               the modules that its harness imports, separated by commas; *: numpy and pandas
  MODELRUN_POINTS                1: ARGV runs once for each point that the agent asks for, and the time is that of all points

Exit codes of `exec`: the model's own, or 0 when all points were executed; 128+n when signal n ended it; 66 the entry file is not in the tree;
125 the agent went away or refused; 126 a ring of the sandbox could not be put up, or there is no such program.
Exit codes of `agent`: 0 the result is on this container's log; 1 it could not start; its log says why.
)";

int usage_error(std::string_view what) {
  modelrun::sandbox::note("{}; see modelrun-sandbox --help", what);
  return 2;
}

// Removes `--root DIR` from the front of `arguments`, if it is there. Tests use it to put every path below DIR.
Layout take_layout(std::vector<std::string>& arguments) {
  if (arguments.size() < 2 || arguments[0] != "--root") return {};
  Layout layout(arguments[1]);
  arguments.erase(arguments.begin(), arguments.begin() + 2);
  return layout;
}

int run_await(const Layout& layout) {
  const auto installed = modelrun::sandbox::await_installed(layout, std::chrono::seconds(20));
  if (installed) return 0;
  modelrun::sandbox::note("{}", installed.error().message);
  return 1;
}

int run_write_harness(const std::string& directory) {
  const auto written = modelrun::sandbox::write_harness(directory);
  if (written) return 0;
  modelrun::sandbox::note("{}", written.error().message);
  return 1;
}

int print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

int print_system_calls() {
  for (const char* name : allowed_syscalls()) fmt::print("{}\n", name);
  for (const char* name : conditional_syscalls()) fmt::print("{} (with certain arguments)\n", name);
  for (const char* name : absent_syscalls()) fmt::print("{} (no: as if the kernel did not have it)\n", name);
  fmt::print("{} allowed, {} more with certain arguments only\n", allowed_syscalls().size(),
             conditional_syscalls().size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return usage_error("no subcommand");
  const std::string command = arguments.front();
  arguments.erase(arguments.begin());
  if (command == "--help" || command == "-h" || command == "help") return print(kHelp);
  if (command == "--version") return print("modelrun-sandbox " MODELRUN_VERSION "\n");

  const Layout layout = take_layout(arguments);
  if (command == "exec") {
    if (arguments.size() < 2 || arguments.front() != "--") return usage_error("exec needs -- and a program");
    arguments.erase(arguments.begin());
    return modelrun::sandbox::run_exec(layout, std::move(arguments));
  }
  if (command == "write-harness") {
    return arguments.size() == 1 ? run_write_harness(arguments.front())
                                 : usage_error("write-harness needs a directory");
  }
  if (!arguments.empty()) return usage_error("unexpected argument '" + arguments.front() + "'");
  if (command == "system-calls") return print_system_calls();
  if (command == "agent") return modelrun::sandbox::run_agent(layout);
  if (command == "await-installed") return run_await(layout);
  return usage_error("unknown subcommand '" + command + "'");
}
