#include "sweep/shards.h"

#include <algorithm>

namespace modelrun::sweep {
namespace {

constexpr std::size_t kBatchShare = 80;  // percent of what is left

std::size_t ceil_div(std::size_t a, std::size_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

}  // namespace

std::vector<Shard> make_shards(std::span<const std::size_t> bytes, std::size_t parallelism, const ShardLimits& limits) {
  const std::size_t total = bytes.size();
  const std::size_t runs = std::clamp<std::size_t>(parallelism, 1, std::max<std::size_t>(total, 1));
  const std::size_t most = std::max<std::size_t>(limits.max_points, 1);
  const std::size_t least =
      std::min({std::max({limits.min_points, ceil_div(total, 5 * runs), std::size_t{1}}), ceil_div(total, runs), most});
  std::vector<Shard> shards;
  std::size_t at = 0;
  while (at < total) {
    const std::size_t left = total - at;
    const std::size_t wish = runs == 1 ? left : ceil_div(left * kBatchShare, 100 * runs);
    const std::size_t count = std::clamp(wish, least, most);
    for (std::size_t i = 0; i < runs && at < total; ++i) {
      std::size_t size = bytes[at];
      std::size_t taken = 1;
      while (taken < std::min(count, total - at) && size + bytes[at + taken] <= limits.max_bytes)
        size += bytes[at + taken++];
      shards.push_back({at, taken});
      at += taken;
    }
  }
  return shards;
}

}  // namespace modelrun::sweep
