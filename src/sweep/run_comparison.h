// What differs between two runs: what went into them, and what came out. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/json_text.h"
#include "api/model_run.h"
#include "sweep/compare.h"

namespace modelrun::sweep {

// A run that has ended, and its outputs.
struct ComparedRun {
  api::ModelRun run;
  api::JsonText outputs;
};

// One thing that went into the runs and was not the same.
struct InputDifference {
  // "project", "entry point", "commit", "data" (the data snapshot), "image", or "parameter " and a JSON pointer into
  // the parameters. "parameters" says how many more differ that are not listed.
  std::string name;
  std::string base, other;  // empty: that run has none. Those of more than kMaxShownValue bytes are replaced
};

struct RunComparison {
  std::string base, other;  // the names of the runs
  std::vector<InputDifference> inputs;
  Comparison outputs;
};

// Compares what went in (project, entry point, commit, data, image, parameters) and what came out. The significant
// differences of the outputs come first, each kind by path.
RunComparison compare_runs(const ComparedRun& base, const ComparedRun& other, const Comparison::Options& options);

// The images of two runs, in a form in which they can be compared: as the kubelet reports them; or, because a run may
// be over before the operator has seen what the kubelet says of its pod, both as they were asked for.
struct ImagePair {
  std::string base, other;
  [[nodiscard]] bool differ() const { return base != other; }
};
ImagePair images_of(const api::Provenance& base, const api::Provenance& other);

// What people are shown of the two values: a value that is too long to be listed is replaced by words that say so.
// Empty only if that run has none.
std::string shown_base(const Difference& difference);
std::string shown_other(const Difference& difference);

// The word for a kind: number, boolean, text, type, onlyBase or onlyOther.
std::string_view word_of(DifferenceKind kind);

}  // namespace modelrun::sweep
