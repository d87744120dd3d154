// The ConfigMaps with the rows of runs with points (api/points.h): reads what is there, and adds to it.
#pragma once

#include <memory>
#include <stop_token>

#include "controller/context.h"
#include "controller/run/plan.h"

namespace modelrun::controller {

// Reads what is stored of the run's rows, unless this process knows it, and notes it in context.points. One request for
// each ConfigMap, and one for the next there might be: another process may have made it and not told so in status.
// Blocks; fails with the error of a request, and with kInvalid for what no operator has written.
Result<void> read_points(const Context& context, const api::ModelRun& run, std::stop_token stop);

// Carries out `step`. Fails with kConflict if another process has written there since this one has read it; then it is
// to be read again.
Result<void> store_rows(const Context& context, const api::ModelRun& run, const StoreRows& step, std::stop_token stop);

// Answers the pod that has asked for the points of the run, if one has.
void give_points(const Context& context, const std::shared_ptr<const api::ModelRun>& run,
                 const std::shared_ptr<const api::ModelProject>& project, std::stop_token stop);

}  // namespace modelrun::controller
