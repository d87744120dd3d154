#include <pthread.h>

#include <csignal>
#include <stop_token>
#include <thread>

#include "base/log.h"
#include "gateway/flags.h"
#include "gateway/gateway.h"

namespace {

// Blocked before any thread is made, so that only the waiting thread ever sees them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A peer that went away is an error of a write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace modelrun;
  auto parsed = gateway::parse_flags(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  auto flags = std::get<gateway::Flags>(std::move(parsed));
  log::configure(flags.log_format, flags.log_level);

  const sigset_t signals = block_signals();
  auto instance = gateway::Gateway::make(std::move(flags));
  if (!instance) {
    log::error("cannot start", {{"error", instance.error().message}});
    return 1;
  }
  std::stop_source stop;
  std::thread waiter([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    log::info("stopping", {{"signal", std::to_string(signal)}});
    stop.request_stop();
  });
  const auto result = (*instance)->run(stop.get_token());
  if (!result) log::error("ended", {{"error", result.error().message}});
  // Wakes the waiter when the end did not come from it; before that it would be left in sigwait.
  if (!stop.stop_requested()) pthread_kill(waiter.native_handle(), SIGTERM);
  waiter.join();
  return result ? 0 : 1;
}
