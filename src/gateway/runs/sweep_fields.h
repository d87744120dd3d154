// Encodes sweeps as the JSON objects that clients of the gateway receive; docs/gateway.md lists their fields. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "api/model_sweep.h"
#include "gateway/runs/sweep_summary.h"
#include "sweep/table.h"

namespace modelrun::gateway {

// Rows of a table as JSON: so many bytes, or one row if that is longer. A row has at most some 1.1 MiB.
inline constexpr std::size_t kMaxRowsBytes = std::size_t{48} << 10U;

struct RowsPart {
  std::size_t offset = 0;  // the index of the first row
  std::size_t limit = 0;   // at most so many
};

// The answers of `sweep` and get_sweep. `table`: null if there is none, or no row is wanted; then there are no rows. Of
// a sweep that goes on it has the rows that there are so far, and RowsPart::offset counts these. `project`: from
// display_project(). Numbers in rows are JSON numbers: of those with more than 17 digits the nearest binary64.
nlohmann::json sweep_fields(const api::ModelSweep& sweep, const sweep::Table* table, const RowsPart& part,
                            std::string_view project);

// One entry of list_sweeps.
nlohmann::json sweep_entry(const SweepSummary& sweep, std::string_view project);
// The answer of cancel_sweep. `was_over`: the sweep had ended before it was to be cancelled.
nlohmann::json cancel_sweep_fields(const SweepSummary& sweep, bool was_over, std::string_view project);

}  // namespace modelrun::gateway
