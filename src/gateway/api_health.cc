#include "gateway/api_health.h"

#include "base/log.h"
#include "runtime/steady_clock.h"

namespace modelrun::gateway {

ApiHealth::ApiHealth(kube::Transport& transport, ApiHealthOptions options)
    : transport_(transport), options_(options), thread_([this](const std::stop_token& stop) { work(stop); }) {}

void ApiHealth::work(const std::stop_token& stop) {
  const kube::Request question{.path = "/version", .timeout = options_.timeout, .max_body_bytes = 64U << 10U};
  runtime::RealSteadyClock clock;
  do {
    const auto answer = transport_.send(question, stop);
    if (stop.stop_requested()) return;
    const bool before = reachable();
    if (answer && answer->status < 500) {
      failed_ = 0;
    } else if (failed_ < options_.failures) {
      ++failed_;
    }
    if (before == reachable()) continue;
    if (before) {
      const auto why = answer ? std::to_string(answer->status) : answer.error().message;
      log::warn("the API server cannot be reached: not ready", {{"error", why}});
    } else {
      log::info("the API server can be reached again");
    }
  } while (clock.sleep(options_.every, stop));
}

}  // namespace modelrun::gateway
