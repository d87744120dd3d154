// What differs between two runs, as texts for people, spreadsheets and scripts. Pure. Texts may hold what a model
// wrote: they are not escaped for terminals here, but by the Console.
#pragma once

#include <string>
#include <vector>

#include "api/json_text.h"
#include "api/model_run.h"
#include "sweep/compare.h"

namespace modelrun::cli {

// A run that has ended, and its outputs.
struct ComparedRun {
  api::ModelRun run;
  api::JsonText outputs;
};

// One thing that went into the runs and was not the same.
struct InputDifference {
  std::string name;         // "commit", "model", "image", or "parameter " and a JSON pointer into the parameters
  std::string base, other;  // empty: that run has none. Those of more than sweep::kMaxShownValue bytes are replaced
};

struct RunComparison {
  std::string base, other;  // the names of the runs
  std::vector<InputDifference> inputs;
  sweep::Comparison outputs;
};

// Compares what went in (project, entry point, commit, image, parameters) and what came out.
RunComparison compare_runs(const ComparedRun& base, const ComparedRun& other,
                           const sweep::Comparison::Options& options);

// Two tables and a line of counts. The significant differences come first, each kind by path.
std::string comparison_text(const RunComparison& compared);
// One line a difference, with a header, by RFC 4180. Texts that a spreadsheet would take for a formula begin with "'".
std::string comparison_csv(const RunComparison& compared);
// One JSON object, indented; numbers have all their digits.
std::string comparison_json(const RunComparison& compared);

}  // namespace modelrun::cli
