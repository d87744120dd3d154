// From the row that a point has left (api/points.h) to its row in a table. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/points.h"
#include "sweep/outputs.h"
#include "sweep/table.h"

namespace modelrun::sweep {

// All of the table's row but the values of its parameters and outputs. `index`: of the point, in the table. The message
// of a point that failed has the end of its stderr, whose last line is not repeated, as one printable line.
Row row_of(const api::PointRow& from, std::size_t index, std::string run);

// Row::outputs: a value for each of `columns`, empty where the point has none.
std::vector<std::string> cells_of(PointOutputs from, const std::vector<std::string>& columns);

}  // namespace modelrun::sweep
