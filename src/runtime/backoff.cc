#include "runtime/backoff.h"

#include <algorithm>
#include <cmath>

namespace modelrun::runtime {

std::chrono::milliseconds backoff_delay(const BackoffOptions& options, std::uint32_t failures) {
  const double grown = static_cast<double>(options.initial.count()) * std::pow(options.factor, failures);
  const double capped = std::min(grown, static_cast<double>(options.max.count()));
  return std::chrono::milliseconds{static_cast<std::int64_t>(capped)};
}

std::chrono::milliseconds Backoff::next() {
  const auto delay = backoff_delay(options_, failures_);
  if (failures_ < 64) ++failures_;
  std::uniform_real_distribution<double> spread(1.0, 1.0 + options_.jitter);
  const auto jittered =
      std::chrono::milliseconds{static_cast<std::int64_t>(static_cast<double>(delay.count()) * spread(random_))};
  return std::min(jittered, options_.max);
}

}  // namespace modelrun::runtime
