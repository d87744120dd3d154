#include "sweep/random.h"

#include <numeric>
#include <string>
#include <utility>

#include "base/encoding.h"

namespace modelrun::sweep {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kValue = 0;  // purposes
constexpr std::uint64_t kOrder = 1;

std::uint64_t high_of(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>((Wide{a} * b) >> 64U);
}

}  // namespace

std::array<std::uint64_t, 4> philox4x64(std::array<std::uint64_t, 4> counter, std::array<std::uint64_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2E7470EE14C6C93;
  constexpr std::uint64_t kMultiplier1 = 0xCA5A826395121157;
  constexpr std::uint64_t kBump0 = 0x9E3779B97F4A7C15;
  constexpr std::uint64_t kBump1 = 0xBB67AE8584CAA73B;
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t high0 = high_of(kMultiplier0, counter[0]);
    const std::uint64_t high1 = high_of(kMultiplier1, counter[2]);
    counter = {high1 ^ counter[1] ^ key[0], kMultiplier1 * counter[2], high0 ^ counter[3] ^ key[1],
               kMultiplier0 * counter[0]};
    key[0] += kBump0;
    key[1] += kBump1;
  }
  return counter;
}

AxisRandom::AxisRandom(std::uint64_t seed, std::string_view name)
    : key_{seed, std::stoull(sha256_hex(name).substr(0, 16), nullptr, 16)} {}

std::uint64_t AxisRandom::draw(std::uint64_t index, std::uint64_t purpose) const {
  return philox4x64({index, purpose, 0, 0}, key_)[0];
}

std::vector<double> AxisRandom::independent(std::uint32_t count) const {
  std::vector<double> numbers;
  numbers.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    // 52 bits and a half: exact, and never 0 or 1, at which the normal distribution has no value.
    numbers.push_back((static_cast<double>(draw(i, kValue) >> 12U) + 0.5) * 0x1p-52);
  }
  return numbers;
}

std::vector<double> AxisRandom::stratified(std::uint32_t count) const {
  const auto order = permutation(count);
  std::vector<double> numbers;
  numbers.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    // 32 bits and a half, so that the sum with a stratum is exact and cannot round into the next one.
    const double inside = (static_cast<double>(draw(i, kValue) >> 32U) + 0.5) * 0x1p-32;
    numbers.push_back((static_cast<double>(order[i]) + inside) / static_cast<double>(count));
  }
  return numbers;
}

// Fisher and Yates, from the end. The high word of draw * (j + 1) favours some of the j + 1 values by at most
// (j + 1) / 2^64, which no sweep can notice, and needs no rejection.
std::vector<std::uint32_t> AxisRandom::permutation(std::uint32_t count) const {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  for (std::uint32_t j = count; j-- > 1;) {
    std::swap(order[j], order[high_of(draw(j, kOrder), std::uint64_t{j} + 1)]);
  }
  return order;
}

}  // namespace modelrun::sweep
