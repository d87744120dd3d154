// The values of the distributions of sweep/space.h, bit-identical on every machine. Internal to sweep/. Pure.
#pragma once

#include <string>
#include <vector>

#include "sweep/space.h"

namespace modelrun::sweep {

// For each share u, the value of `distribution` below which that share of it lies (the inverse of its distribution
// function), as an exact text; of a number, number_text(). REQUIRES: 0 < u < 1.
std::vector<std::string> values_at(const Distribution& distribution, const std::vector<double>& shares);

// The values of a range, in order. The first is `from` and the last is `to`; each is the binary64 nearest to the exact
// from + i (to - from) / (count - 1), in which from and to are the decimal numbers as written.
std::vector<std::string> values_of(const Range& range);

}  // namespace modelrun::sweep
