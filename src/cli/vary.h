// Turns the flags of `sweep` that say what varies into the space of a ModelSweep. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace modelrun::cli {

struct VaryFlags {
  std::vector<std::string> vary;  // NAME=VALUES, once for each axis
  bool one_at_a_time = false;
  std::optional<std::int64_t> sample;  // points to draw; nullopt: the values are combined
  std::optional<std::int64_t> seed;    // of the sample
  bool random = false;                 // independent draws in the place of a Latin hypercube
};

// Returns the value of spec.space. VALUES of an axis are
//   FROM:TO:COUNT      so many numbers at equal distances, both ends included
//   V1,V2,...          these; each is taken as JSON if it is JSON, else as text. A JSON list stands for its elements.
// and with a sample the distribution that they are drawn from:
//   normal:MEAN:STDDEV, lognormal:MU:SIGMA, uniform:LOW:HIGH, triangular:LOW:MODE:HIGH, choice:V1,V2,...
// With `points`, an array of objects that parse_points_file() gives, these are the points, and nothing else may be
// given.
//
// Fails with kInvalid or kTooLarge for anything else, for numbers that sweep::decode_space() does not take, for a name
// that is given twice, without an axis, and for flags that do not go together. The message names the flag.
Result<nlohmann::json> space_of(const VaryFlags& flags, std::optional<nlohmann::json> points = {});

}  // namespace modelrun::cli
