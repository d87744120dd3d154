// Why two runs differ, as texts for people, spreadsheets and scripts. Pure. Texts may hold what a model wrote: they are
// not escaped for terminals here, but by the Console.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sweep/explain.h"

namespace modelrun::cli {

struct ExplainedRuns {
  std::string base, other;         // the names of the two
  std::vector<std::string> steps;  // the names of the runs of the plan's steps; the last one is `other`
  sweep::Explanation explanation;
};

// A table for each bridge, at most `most` of them, with a drawing: each step reaches from the value before it to its
// own, with '+' where the output grows and '-' where it shrinks.
std::string explanation_text(const ExplainedRuns& explained, std::size_t most);
// One line a step, with a header, by RFC 4180; the first line of each output is the base. Texts that a spreadsheet
// would take for a formula begin with "'".
std::string explanation_csv(const ExplainedRuns& explained);
// One JSON object; `comparison` is that of comparison_json(). Numbers have all their digits.
std::string explanation_json(const ExplainedRuns& explained, std::string_view comparison);

}  // namespace modelrun::cli
