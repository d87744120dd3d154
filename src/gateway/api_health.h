// Whether the API server can be reached, for the readiness of the gateway.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "kube/transport.h"

namespace modelrun::gateway {

struct ApiHealthOptions {
  std::chrono::milliseconds every{2'000};    // between two questions, however often the answer is looked at
  std::chrono::milliseconds timeout{2'000};  // of one question
  int failures = 3;                          // in a row, after which the API server counts as away
};

// Owns one thread, which asks for /version from its construction on. One answer is enough for the API server to count
// as there again; any answer but 5xx is one. Thread-safe. The transport must outlive it.
class ApiHealth {
 public:
  explicit ApiHealth(kube::Transport& transport, ApiHealthOptions options = {});
  // Does not block. True until the first `failures` questions have failed.
  [[nodiscard]] bool reachable() const { return failed_ < options_.failures; }

 private:
  void work(const std::stop_token& stop);

  kube::Transport& transport_;
  const ApiHealthOptions options_;
  std::atomic<int> failed_{0};  // in a row
  std::jthread thread_;         // last: it uses everything above
};

}  // namespace modelrun::gateway
