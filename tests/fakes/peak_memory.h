// How much memory a piece of code needs. A test program that uses it counts every `new` and `delete`.
#pragma once

#include <cstddef>

namespace modelrun::fakes {

// The bytes that are allocated now, and the most that were since reset_peak().
std::size_t allocated_bytes();
std::size_t peak_bytes();
void reset_peak();

// The bytes that `work` needs at most besides those that were allocated before.
template <class Work>
std::size_t peak_of(const Work& work) {
  reset_peak();
  const std::size_t before = allocated_bytes();
  work();
  return peak_bytes() - before;
}

}  // namespace modelrun::fakes
