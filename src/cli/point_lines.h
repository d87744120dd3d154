// The rows of a run with points as text. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/model_run.h"
#include "api/points.h"

namespace modelrun::cli {

// JSON Lines: for each row, in this order, an object with `point`, `parameters`, `phase`, `outputs`, `exitCode`,
// `milliseconds`, and what there is of `reason`, `message`, `stderr` and `warning`. Numbers of outputs have the digits
// that the model has left.
std::string point_lines(const api::ModelRun& run, const std::vector<api::PointRow>& rows);

// The objects of JSON Lines as one JSON array, each on its line.
std::string array_of_lines(std::string_view lines);

}  // namespace modelrun::cli
