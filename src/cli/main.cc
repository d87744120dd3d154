// The program kubectl-modelrun: connects run_app() to the standard streams, to signals and to the real API server.
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>

#include "cli/adapt_to_machine.h"
#include "cli/app.h"
#include "cli/local_run.h"
#include "kube/config.h"
#include "kube/cpprest/cpprest_transport.h"

namespace {

using namespace modelrun;

constexpr std::size_t kMaxInput = 4U << 20U;
constexpr int kInterrupted = 130;

// Blocks the signals that wait_for_signals() takes. Call it before any thread is made: threads inherit the mask, so
// only the waiting thread gets them. Child processes (credential plugins) inherit the mask as well.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

// A write that fails ends the program with exit code 1: nobody would see the rest of the output.
cli::Console::Sink sink(int fd) {
  const auto write = [fd](std::string_view text) {
    while (!text.empty()) {
      const auto written = ::write(fd, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        const std::string why = errno_error("kubectl-modelrun: write", errno).message + '\n';
        if (::write(STDERR_FILENO, why.data(), why.size()) < 0) std::_Exit(1);
        std::_Exit(1);
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  };
  return {write, ::isatty(fd) == 1};
}

Result<std::string> read_standard_input() {
  std::string content;
  std::array<char, 16384> buffer{};
  while (true) {
    const auto got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got == 0) return content;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error("read standard input", errno));
    content.append(buffer.data(), static_cast<std::size_t>(got));
    if (content.size() > kMaxInput) return fail(ErrorKind::kTooLarge, "standard input: more than 4 MiB");
  }
}

Result<cli::ApiAccess> connect(const cli::GlobalFlags& flags) {
  const auto given = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
  const auto config = kube::default_config(given(flags.kubeconfig), given(flags.context));
  RETURN_IF_ERROR(config);
  auto transport = kube::make_cpprest_transport(*config);
  RETURN_IF_ERROR(transport);
  return cli::ApiAccess{std::move(*transport), config->namespace_};
}

// The first signal requests a stop, so that the command ends in good order; the second one ends the program at once.
// Returns on SIGUSR1, which main() sends to this thread when the command is done.
void wait_for_signals(const sigset_t& signals, std::stop_source& stop) {
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal != SIGUSR1) {
    if (stop.stop_requested()) std::_Exit(kInterrupted);
    stop.request_stop();
  }
}

}  // namespace

int main(int argc, char** argv) {
#ifdef MODELRUN_STATIC
  cli::adapt_to_machine();
#endif
  if (const auto code = cli::sandbox_main(argc, argv)) return *code;
  const sigset_t signals = block_signals();
  std::stop_source stop;
  std::thread waiter([&] { wait_for_signals(signals, stop); });
  cli::Console console(sink(STDOUT_FILENO), sink(STDERR_FILENO), read_standard_input);
  const SystemClock clock;
  const int code = cli::run_app({argv + 1, argv + argc}, {console, clock, connect, stop.get_token()});
  pthread_kill(waiter.native_handle(), SIGUSR1);  // makes wait_for_signals() return
  waiter.join();
  return code;
}
