// The rows of a run with points as a table, for spreadsheets. Pure.
#pragma once

#include <vector>

#include "api/model_run.h"
#include "api/points.h"
#include "sweep/table.h"

namespace modelrun::cli {

// The columns are the parameters that do not have one value in all points, at most sweep::kMaxNames, and the numbers
// and booleans that the points have left (sweep/outputs.h). REQUIRES: run.spec.points.
sweep::Table point_table(const api::ModelRun& run, const std::vector<api::PointRow>& rows);

}  // namespace modelrun::cli
