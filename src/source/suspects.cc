#include "source/suspects.h"

#include <algorithm>

namespace modelrun::source {
namespace {

Error refusal(std::uint32_t deaths) {
  return {ErrorKind::kTooLarge,
          fmt::format("modelrun-source died {} times while it worked on this repository, so it is not asked again for "
                      "now: make the repository smaller or simpler",
                      deaths)};
}

}  // namespace

Suspects::Instant Suspects::refused_until(const Suspect& suspect) {
  if (suspect.deaths < kDeaths) return suspect.last_death;
  const auto doublings = std::min<std::uint32_t>(suspect.deaths - kDeaths, 10);
  return suspect.last_death + std::min<Instant::duration>(kRefusal * (1U << doublings), kLongestRefusal);
}

Result<Suspects::Instant> Suspects::begin(const std::string& repository) {
  const MutexLock lock(mutex_);
  const auto now = now_();
  const auto found = suspects_.find(repository);
  if (found == suspects_.end()) return now;
  if (found->second.deaths >= kDeaths && now < refused_until(found->second)) {
    return std::unexpected(refusal(found->second.deaths));
  }
  if (std::ranges::any_of(suspects_, [](const auto& each) { return each.second.working > 0; })) {
    return fail(ErrorKind::kUnavailable,
                "modelrun-source died while it worked on this repository and others, which are asked for one by one "
                "now; it is not this one's turn");
  }
  ++found->second.working;
  return now;
}

void Suspects::answered(const std::string& repository) {
  const MutexLock lock(mutex_);
  suspects_.erase(repository);
}

void Suspects::given_up(const std::string& repository) {
  const MutexLock lock(mutex_);
  const auto found = suspects_.find(repository);
  if (found != suspects_.end() && found->second.working > 0) --found->second.working;
}

Error Suspects::died(const std::string& repository, Instant begun) {
  const MutexLock lock(mutex_);
  if (!suspects_.contains(repository)) make_room();
  auto& suspect = suspects_[repository];
  if (suspect.working > 0) --suspect.working;
  if (suspect.deaths == 0 || suspect.last_death <= begun) {
    ++suspect.deaths;
    suspect.last_death = now_();
  }
  if (suspect.deaths >= kDeaths) return refusal(suspect.deaths);
  return {ErrorKind::kUnavailable,
          "modelrun-source died while it worked on this repository, perhaps for lack of memory"};
}

void Suspects::make_room() {
  if (suspects_.size() < kMaxRemembered) return;
  suspects_.erase(std::ranges::min_element(suspects_, {}, [](const auto& each) { return each.second.last_death; }));
}

}  // namespace modelrun::source
