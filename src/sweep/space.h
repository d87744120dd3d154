// The space of a sweep: which points it has (spec.space of a ModelSweep), and the points themselves.
// docs/sweeps-format.md specifies the expansion, so that another program gets the same points, bit by bit. Pure and
// thread-safe.
//
//   auto space = decode_space(text);
//   RETURN_IF_ERROR(space);
//   auto points = expand(*space, R"({"years": 5})");
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/points.h"
#include "base/error.h"

namespace modelrun::sweep {

using api::kMaxPoints;                                    // points of a sweep are those of its runs
using api::kMaxPointsBytes;                               // of the parameters of all points together, as JSON
inline constexpr std::size_t kMaxSpaceBytes = 1U << 20U;  // of the text of a space
// Of the parameters of one point; they must be smaller, as spec.parameters of a ModelRun.
inline constexpr std::size_t kMaxPointBytes = 64U << 10U;
inline constexpr std::size_t kMaxAxes = 16;
inline constexpr std::size_t kMaxNames = 64;                  // different names in the points of a list
inline constexpr double kMaxMagnitude = 1e300;                // of a number that is computed with
inline constexpr std::uint64_t kMaxSeed = (1ULL << 53U) - 1;  // what every JSON reader keeps

// `count` values from `from` to `to`, both included, at equal distances. Both are JSON numbers as written.
struct Range {
  std::string from;
  std::string to;
  std::uint32_t count = 2;
};

// A parameter and the values that it takes, in this order. See sweep/pointer.h for names.
struct Axis {
  std::string name;
  std::variant<std::vector<std::string>, Range> values;  // exact texts of any JSON values (sweep/exact_json.h)
};

struct Normal {
  double mean = 0, stddev = 1;
};
// The logarithm of the value is normal with mean `mu` and standard deviation `sigma`.
struct Lognormal {
  double mu = 0, sigma = 1;
};
struct Uniform {
  double low = 0, high = 1;
};
struct Triangular {
  double low = 0, mode = 0.5, high = 1;
};
// One of `values`, as likely as its weight among all weights. Without weights all are equally likely.
struct Choice {
  std::vector<std::string> values;  // exact texts
  std::vector<double> weights;      // empty, or one for each value; positive
};
using Distribution = std::variant<Normal, Lognormal, Uniform, Triangular, Choice>;

struct SampleAxis {
  std::string name;
  Distribution distribution;
};

// All combinations of the axes' values; the last axis changes fastest.
struct Grid {
  std::vector<Axis> axes;
};
// The base, then each value of each axis alone, the other parameters as in the base.
struct OneAtATime {
  std::vector<Axis> axes;
};
// Points that are written out. Each is the exact text of an object of names and values.
struct PointList {
  std::vector<std::string> points;
};
enum class Method { kLatinHypercube, kRandom };
struct Sample {
  std::uint32_t count = 1;
  std::uint64_t seed = 0;
  Method method = Method::kLatinHypercube;
  std::vector<SampleAxis> axes;
};
using Space = std::variant<Grid, OneAtATime, PointList, Sample>;

// Reads the JSON text of a space. Numbers in `values` and `points` keep every digit. kInvalid for text that is not
// strict JSON (api/strict_json.h), and for a field that is missing, unknown, of the wrong type or out of its range;
// kTooLarge for more than kMaxSpaceBytes or kMaxPoints. The message names the field, for example
// "space.grid[1].count: must be a whole number from 2 to 10000, not 1".
Result<Space> decode_space(std::string_view json);

struct Point {
  std::string parameters;           // the exact text of the whole object that the model is given
  std::vector<std::string> values;  // what stands there, in the order of Points::names: exact texts; empty: nothing
  // Of OneAtATime: the axis that differs from the base, an index into names; nullopt for the base and in other spaces.
  std::optional<std::size_t> axis;
};

struct Points {
  // The parameters that vary: the names of the axes, or, of a list, all names in its points, sorted by their bytes.
  std::vector<std::string> names;
  std::vector<Point> points;
};

// How many points `space` has, without making them. Saturates at 2^64 - 1.
std::uint64_t point_count(const Space& space);

// The points of `space`, in their order; equal arguments give equal points on every machine. Each starts from `base`,
// the JSON text of an object (empty: {}), and gets the values of its axes in their places.
// kInvalid if `base` is not strict JSON or no object, if a name leads through a value of `base` that has nothing in it,
// or if two names of a written point lead to one place or one into the other. kTooLarge beyond kMaxPoints,
// kMaxPointsBytes, kMaxPointBytes or kMaxNames. The message says what to do. REQUIRES: decode_space() made `space`.
Result<Points> expand(const Space& space, std::string_view base);

}  // namespace modelrun::sweep
