// Which outputs of a point stand in the table of its sweep. A point's outputs may have a mebibyte; what the table needs
// of them is taken out when they come, and is all that is kept. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_text.h"
#include "base/error.h"

namespace modelrun::sweep {

inline constexpr std::size_t kMaxColumns = 64;
inline constexpr std::size_t kMaxOutputBytes = 16U << 10U;  // of the JSON text of one output in the table

struct Output {
  std::string name;   // see sweep/pointer.h
  std::string value;  // its JSON text, with all digits; empty: the point does not have it
  friend bool operator==(const Output&, const Output&) = default;
};

// The outputs of one point that may stand in the table.
struct PointOutputs {
  std::vector<Output> outputs;
  bool more = false;  // some were left out because of kMaxColumns, kMaxOutputBytes, kMaxNameBytes or kMaxPointerDepth
};

// Checks spec.outputs: at most kMaxColumns names that parse_name() takes, none twice. kInvalid, or kTooLarge for more;
// the message names the element.
Result<void> check_outputs(const std::vector<std::string>& wanted);

// With `wanted`, which check_outputs() accepts: these, in this order, of any type. A value of more than kMaxOutputBytes
// is left out. Without: the numbers and booleans that objects lead to; lists are not looked into. Fewer levels come
// before more; then the bytes of the keys decide, level by level. Of more than kMaxColumns the first ones are taken.
PointOutputs outputs_of(const api::JsonText& outputs, const std::vector<std::string>& wanted);

struct Columns {
  std::vector<std::string> names;
  bool more = false;  // some points have outputs that do not stand in the table
};
// The names of the outputs of all points: `wanted`, or else those that were found, in the order above; of more than
// kMaxColumns the first ones. The order of the points does not matter. REQUIRES: the points come from outputs_of() with
// the same `wanted`.
Columns columns_of(const std::vector<PointOutputs>& points, const std::vector<std::string>& wanted);

// The value that statistics see: that of a number, 1 for true and 0 for false, so that the mean of a boolean is the
// share of points in which it is true. nullopt for everything else.
std::optional<double> number_in(std::string_view value);

}  // namespace modelrun::sweep
