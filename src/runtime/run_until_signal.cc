#include "runtime/run_until_signal.h"

#include <pthread.h>

#include <csignal>
#include <string>
#include <thread>

#include "base/log.h"

namespace modelrun::runtime {
namespace {

sigset_t end_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void block_end_signals() {
  const sigset_t set = end_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int run_until_signal(const std::function<Result<void>(std::stop_token)>& run) {
  std::stop_source stop;
  std::thread waiter([&] {
    const sigset_t set = end_signals();
    int signal = 0;
    sigwait(&set, &signal);
    log::info("stopping", {{"signal", std::to_string(signal)}});
    stop.request_stop();
  });
  const auto result = run(stop.get_token());
  if (!result) log::error("ended", {{"error", result.error().message}});
  // When `run` has returned without a signal, the waiter is still in sigwait(); this wakes it.
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread): the waiter receives it by sigwait(), so it ends nothing
  if (!stop.stop_requested()) pthread_kill(waiter.native_handle(), SIGTERM);
  waiter.join();
  return result ? 0 : 1;
}

}  // namespace modelrun::runtime
