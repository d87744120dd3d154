// What `compare` does beside comparing two runs that are there. Internal to commands/.
#pragma once

#include <string>

#include "cli/comparison.h"
#include "cli/explanation.h"
#include "cli/session.h"
#include "sweep/compare.h"

namespace modelrun::cli {

struct ComparedPair {
  sweep::ComparedRun base, other;
};

// Reads two points of a sweep, each as if it were a run of its own, called "SWEEP[POINT]": from the rows of the sweep's
// runs, which have all outputs, or, if one of these runs was deleted, both from the sweep's table, with a note. A run
// counts as the sweep's by its owner reference and the point's parameters. Blocks. kInvalid if a point is no number,
// kConflict if the sweep has no table yet, kNotFound if there is no such point or it left no outputs; other errors are
// those of the API server.
Result<ComparedPair> read_points(Session& session, const std::string& sweep, const std::string& base,
                                 const std::string& other);

// Executes the steps from `base` to `other` (sweep/explain.h), at once, and waits for all of them; the result of an
// identical run is taken where the image allows it (spec.reuse). `compared` has the differences of the outputs.
// Standard error says which run is which step. Nothing is executed if no number differs. Blocks. Fails as
// plan_explanation() and check_step() do, and as creating runs and waiting for them does; the runs that have been
// created go on.
Result<ExplainedRuns> explain_runs(Session& session, const sweep::ComparedRun& base, const sweep::ComparedRun& other,
                                   const sweep::Comparison& compared);

}  // namespace modelrun::cli
