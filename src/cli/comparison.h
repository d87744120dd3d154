// What differs between two runs, as texts for people, spreadsheets and scripts. Pure. Texts may hold what a model
// wrote: they are not escaped for terminals here, but by the Console.
#pragma once

#include <cstddef>
#include <string>

#include "sweep/run_comparison.h"

namespace modelrun::cli {

// Two tables and a line of counts. The significant differences come first, each kind by path; of more than `most` the
// first ones are shown, and a line says how many are left out.
std::string comparison_text(const sweep::RunComparison& compared, std::size_t most);
// One line a difference, with a header, by RFC 4180. Texts that a spreadsheet would take for a formula begin with "'".
std::string comparison_csv(const sweep::RunComparison& compared);
// One JSON object, indented; numbers have all their digits.
std::string comparison_json(const sweep::RunComparison& compared);

}  // namespace modelrun::cli
