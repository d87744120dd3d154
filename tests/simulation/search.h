// Ways to look for a world in which something is wrong: seeds, enumerations, and the smallest form of a failing seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/world.h"

namespace modelrun::simulation {

// The world of a seed, as all modes of the program play it.
WorldOptions options_of(std::uint64_t seed);

// The name of the invariant in a violation: what stands before the colon.
std::string invariant_of(const std::string& violation);

struct Shrunk {
  std::set<std::uint32_t> suppressed;  // what the world does not need to fail
  Outcome outcome;                     // of the smallest failing world found, with its trace
  int tries = 0;
};
// Leaves out perturbations, half of them at first and then one after the other, as long as the same invariant fails.
// REQUIRES: the world of `seed` violates an invariant.
Shrunk shrink(std::uint64_t seed, const std::set<std::uint32_t>& suppressed);

struct Enumeration {
  std::string_view name;
  std::string_view what;
  Shape shape{};
  std::vector<Perturbation> faults{};  // any of them may strike at any place; none: any fiber may go on at any place
};
const std::vector<Enumeration>& enumerations();

struct Enumerated {
  std::uint64_t worlds = 0;
  std::uint64_t positions = 0;                          // of the world without deviations
  int complete_depth = -1;                              // up to how many deviations all worlds were played
  std::string violation;                                // the first one
  std::vector<DeviatingChoices::Deviation> deviations;  // of the world that has it
  std::vector<std::string> trace;
  std::size_t states = 0;
};
// Plays every world that deviates from the default order at up to `depth` positions, or until the time is over.
// REQUIRES: `name` is that of an Enumeration.
Enumerated enumerate(std::string_view name, int depth, std::chrono::seconds time, Coverage& coverage);

}  // namespace modelrun::simulation
