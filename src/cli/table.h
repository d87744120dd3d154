// Tables in the form in which kubectl prints them. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/model_run.h"

namespace modelrun::cli {

using Row = std::vector<std::string>;

// One line per row: columns are left-aligned and three spaces apart, with no spaces after the last cell. An empty
// cell becomes "<none>". In cells, newlines and tabs become spaces and other control characters are escaped (see
// escape.h), on a terminal or not, so that one row is always one line. Rows may differ in length.
std::string render_table(const std::vector<Row>& rows);

struct RunsTable {
  bool namespaces = false;  // the first column is NAMESPACE
  bool wide = false;        // at the end come MODEL, BRANCH, PARAMETERS (the beginning of their JSON) and NODE
};

// The table of `get`, in the order of `runs` and below a header line. Ages, and the durations of runs that have not
// ended, are measured until `now`.
std::string runs_table(const std::vector<api::ModelRun>& runs, const RunsTable& form, Time now);

}  // namespace modelrun::cli
