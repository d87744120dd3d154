// Computes the delays between retries: exponential back-off with jitter.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace modelrun::runtime {

struct BackoffOptions {
  std::chrono::milliseconds initial{100};
  std::chrono::milliseconds max{30'000};
  double factor = 2.0;
  double jitter = 0.5;  // a delay is multiplied by a random number in [1, 1 + jitter), then limited to `max`
};

// Returns min(initial * factor^failures, max), without jitter; `initial` for 0 failures.
std::chrono::milliseconds backoff_delay(const BackoffOptions& options, std::uint32_t failures);

// The delays of one sequence of retries. Not thread-safe.
class Backoff {
 public:
  explicit Backoff(BackoffOptions options, std::uint64_t seed = std::random_device{}())
      : options_(options), random_(seed) {}

  // Returns the delay before the next try and counts a failure, so that the following delay is longer.
  std::chrono::milliseconds next();
  // To be called after a success: the next delay is the shortest again.
  void reset() { failures_ = 0; }

 private:
  BackoffOptions options_;
  std::minstd_rand random_;
  std::uint32_t failures_ = 0;
};

}  // namespace modelrun::runtime
