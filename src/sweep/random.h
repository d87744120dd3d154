// Random numbers that another program can repeat on any machine: Philox4x64-10, a counter-based generator. A number is
// a function of the seed, the name of the axis, and an index; there is no state, so an axis keeps its numbers when
// others are added or reordered. Pure and thread-safe.
//
// Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC '11.
// numpy.random.Philox is the same generator.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace modelrun::sweep {

// The block of four words for this counter under this key. Word 0 is the least significant one.
std::array<std::uint64_t, 4> philox4x64(std::array<std::uint64_t, 4> counter, std::array<std::uint64_t, 2> key);

// The numbers of one axis. The key is (seed, the first eight bytes of the SHA-256 of the name, most significant first).
class AxisRandom {
 public:
  AxisRandom(std::uint64_t seed, std::string_view name);

  // `count` numbers strictly between 0 and 1, one for each point, independent of each other. Those of a smaller count
  // are the beginning of those of a larger one.
  [[nodiscard]] std::vector<double> independent(std::uint32_t count) const;
  // The same, of a Latin hypercube: exactly one number lies in each of the intervals from k/count to (k+1)/count.
  // REQUIRES: `count` is at most 2^20, so that the arithmetic is exact.
  [[nodiscard]] std::vector<double> stratified(std::uint32_t count) const;

 private:
  // The first word of the block for the counter (index, purpose, 0, 0).
  [[nodiscard]] std::uint64_t draw(std::uint64_t index, std::uint64_t purpose) const;
  // The numbers 0 to count - 1 in random order.
  [[nodiscard]] std::vector<std::uint32_t> permutation(std::uint32_t count) const;

  std::array<std::uint64_t, 2> key_;
};

}  // namespace modelrun::sweep
