// Exponential back-off with jitter.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace modelrun::runtime {

struct BackoffOptions {
  std::chrono::milliseconds initial{100};
  std::chrono::milliseconds max{30'000};
  double factor = 2.0;
  double jitter = 0.5;  // a delay d becomes d * [1, 1 + jitter), then at most `max`
};

// min(initial * factor^failures, max), without jitter. `failures` counts from 0.
std::chrono::milliseconds backoff_delay(const BackoffOptions& options, std::uint32_t failures);

// Not thread-safe.
class Backoff {
 public:
  explicit Backoff(BackoffOptions options, std::uint64_t seed = std::random_device{}())
      : options_(options), random_(seed) {}

  // The delay before the next try; longer each time.
  std::chrono::milliseconds next();
  void reset() { failures_ = 0; }

 private:
  BackoffOptions options_;
  std::minstd_rand random_;
  std::uint32_t failures_ = 0;
};

}  // namespace modelrun::runtime
