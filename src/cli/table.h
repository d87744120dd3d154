// Tables in the form in which kubectl prints them. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "api/model_sweep.h"

namespace modelrun::cli {

using Row = std::vector<std::string>;

// One line per row: columns are left-aligned and three spaces apart, with no spaces after the last cell. An empty cell
// becomes "<none>". In cells, newlines and tabs become spaces and other control characters are escaped (see escape.h),
// on a terminal or not, so that one row is always one line. Rows may differ in length. `widths`, if given, are the
// least widths of the columns, and are those of this table afterwards: rows that are printed later stand below the
// earlier ones.
std::string render_table(const std::vector<Row>& rows, std::vector<std::size_t>* widths = nullptr);

// The form of the table of `get`, of runs or of sweeps.
struct RunsTable {
  bool namespaces = false;  // the first column is NAMESPACE
  bool wide = false;  // at the end come MODEL, BRANCH, PARAMETERS (the beginning of their JSON) and, of runs, NODE
};

// The header line of the table, and the line of a run. Its age, and its duration if it has not ended, are
// measured until `now`.
Row runs_header(const RunsTable& form);
Row run_row(const api::ModelRun& run, const RunsTable& form, Time now);
// The same of a sweep.
Row sweeps_header(const RunsTable& form);
Row sweep_row(const api::ModelSweep& sweep, const RunsTable& form, Time now);

}  // namespace modelrun::cli
