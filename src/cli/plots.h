// Drawings of what came out of a sweep, for terminals: plain characters, at most kPlotColumns of them in a line, and
// beside each mark the number that it stands for. Pure. Names may hold what a model wrote, and are escaped.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "api/model_sweep.h"
#include "sweep/table.h"

namespace modelrun::cli {

inline constexpr std::size_t kPlotColumns = 100;
inline constexpr std::size_t kPlotLines = 40;   // of one drawing; of more values some are left out, evenly
inline constexpr std::size_t kPlotOutputs = 4;  // that are drawn

// What suits the space, for the first kPlotOutputs outputs of status.summary: a line for one axis of a grid, a heat map
// for two, a tornado for more of them and for oneAtATime, a histogram for a sample. Says so if there is nothing that
// could be drawn.
std::string plots(const api::ModelSweep& sweep, const sweep::Table& table);

// The output along the first parameter of the table, one line for each of its values. REQUIRES of this and the next:
// `output` is an index into table.outputs; the table has one parameter, or two.
std::string line_plot(const sweep::Table& table, std::size_t output);
// The output over two parameters: the first one downwards, the second one to the right. Values that do not fit beside
// each other are left out, evenly.
std::string heat_map(const sweep::Table& table, std::size_t output);
// How far each axis moves `output`, the widest first, from status.sensitivity. `base`: the output of the base; it is
// marked. Empty if there are no ranges.
std::string tornado(const api::ModelSweepStatus& status, const std::string& output, std::optional<double> base);
// How often the output lies where, with its 5th, 50th and 95th percentile. Empty if all values are one.
std::string histogram(const sweep::Table& table, std::size_t output, const api::OutputSummary& summary);

}  // namespace modelrun::cli
