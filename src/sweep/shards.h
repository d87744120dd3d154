// How the points of a sweep are divided into runs. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace modelrun::sweep {

struct ShardLimits {
  std::size_t max_points = 500;         // of one shard
  std::size_t max_bytes = 512U << 10U;  // of the parameters of one shard together; one point may have more
  // Smaller ones cost more for their run, which is some nine writes and the processor time of about thirty points of a
  // small model, than they gain by their even end. Nor is one smaller than a fifth of its run's share of all points. If
  // there are too few points for all runs, all get equally many.
  std::size_t min_points = 25;
};

// The points `first` to `first + count - 1`.
struct Shard {
  std::size_t first = 0;
  std::size_t count = 0;
  friend bool operator==(const Shard&, const Shard&) = default;
};

// Shards that cover all points once, in order. `bytes`: the size of each point's parameters. `parallelism`: how many
// runs go on at a time, at least 1.
//
// The first ones are the largest, and the last ones small, so that all runs end at about the same time although nobody
// knows how long a point takes, and that there are few: one shard of equal size for each run, with most of the points,
// then again of those that are left, and so on. This is factoring (S. F. Hummel, E. Schonberg and L. E. Flynn, CACM 35,
// 1992) with larger batches. With one run at a time there is nothing to even out, and all are as large as the limits
// allow.
std::vector<Shard> make_shards(std::span<const std::size_t> bytes, std::size_t parallelism,
                               const ShardLimits& limits = {});

}  // namespace modelrun::sweep
