// Plays many seeds in several processes.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "simulation/invariants.h"
#include "simulation/perturbations.h"

namespace modelrun::simulation {

struct CampaignOptions {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 0;         // 0: as many as the time allows
  std::chrono::seconds time{0};    // 0: until all seeds are played
  int jobs = 1;                    // processes
  std::uint64_t stop_after = 150;  // failures of one process
};

struct Failure {
  std::uint64_t seed = 0;
  std::string violation;
};

// In how many worlds in which the perturbation has struck there was an occasion to check the invariant: by
// perturbation, then by the invariant's number.
using Matrix = std::array<std::array<std::uint32_t, kInvariants + 1>, static_cast<std::size_t>(Perturbation::kCount)>;

struct CampaignResult {
  std::uint64_t seeds = 0;
  std::uint64_t steps = 0;
  std::size_t states = 0;
  double seconds = 0;
  Matrix matrix{};
  std::vector<Failure> failures;  // in the order in which they were found
};

// A seed whose process dies, or that takes longer than a minute, fails by I16. Blocks. Has to be called from a process
// with one thread, as it forks.
CampaignResult run_campaign(const CampaignOptions& options);

}  // namespace modelrun::simulation
