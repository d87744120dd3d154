// How much memory a piece of code needs, and how often. A test program that uses it counts every `new` and `delete`.
#pragma once

#include <cstddef>

namespace modelrun::fakes {

// The bytes that are allocated now, and the most that were since reset_peak().
std::size_t allocated_bytes();
std::size_t peak_bytes();
void reset_peak();

// How often memory was allocated. Where a work's cost is in what it makes, this is a measure of it that no machine's
// speed changes.
std::size_t allocations();

// How many allocations `work` makes.
template <class Work>
std::size_t allocations_of(const Work& work) {
  const std::size_t before = allocations();
  work();
  return allocations() - before;
}

// The bytes that `work` needs at most besides those that were allocated before.
template <class Work>
std::size_t peak_of(const Work& work) {
  reset_peak();
  const std::size_t before = allocated_bytes();
  work();
  return peak_bytes() - before;
}

}  // namespace modelrun::fakes
