#include "cli/plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "base/printable.h"
#include "cli/table.h"
#include "sweep/outputs.h"
#include "sweep/space.h"

namespace modelrun::cli {
namespace {

constexpr std::size_t kBarWidth = 40;
constexpr std::size_t kTornadoWidth = 28;  // of its bars: beside each stand two numbers and where they are
constexpr std::size_t kLabelBytes = 20;
constexpr std::size_t kCellWidth = 8;   // of a number in a heat map
constexpr std::size_t kMapColumns = 7;  // of a heat map: kLabelBytes and 7 * (kCellWidth + 3) stay below kPlotColumns
constexpr std::size_t kClasses = 20;    // of a histogram
constexpr std::string_view kShades = ".:-=+*#%@";
static_assert(kLabelBytes + 3 + kMapColumns * (kCellWidth + 3) <= kPlotColumns);

// At most kCellWidth characters.
std::string plot_number(double value) {
  std::string text;
  for (int digits = 5; digits > 0; --digits) {
    text = fmt::format("{:.{}g}", value, digits);
    if (text.size() <= kCellWidth) break;
  }
  return text;
}

std::string plot_label(std::string_view text, std::size_t most = kLabelBytes) {
  return printable(text, most);
}

// Where `value` lies between `least` and `most`, from 0 to 1; 0.5 where both are one.
double share_of(double value, double least, double most) {
  const double half = most / 2 - least / 2;  // most - least may overflow
  return half > 0 ? std::clamp((value / 2 - least / 2) / half, 0.0, 1.0) : 0.5;
}

std::size_t column_of(double share, std::size_t width) {
  return static_cast<std::size_t>(std::lround(share * static_cast<double>(width - 1)));
}

// At most `most` indexes below `count`, evenly, the first and the last among them.
std::vector<std::size_t> some_of(std::size_t count, std::size_t most) {
  std::vector<std::size_t> indexes;
  const auto shown = std::min(count, most);
  indexes.reserve(shown);
  for (std::size_t i = 0; i < shown; ++i) indexes.push_back(shown == 1 ? 0 : i * (count - 1) / (shown - 1));
  return indexes;
}

std::string left_out(std::size_t count, std::size_t shown, std::string_view what) {
  return shown == count ? "" : fmt::format("({} of {} values of {} are shown)\n", shown, count, plot_label(what));
}

struct Extent {
  double least = 0, most = 0;
};

// Of the numbers that the output has; nullopt if there are none.
std::optional<Extent> extent_of(const sweep::Table& table, std::size_t output) {
  std::optional<Extent> extent;
  for (const auto& row : table.rows) {
    const auto value = sweep::number_in(row.outputs.at(output));
    if (!value) continue;
    if (!extent) extent = Extent{*value, *value};
    extent->least = std::min(extent->least, *value);
    extent->most = std::max(extent->most, *value);
  }
  return extent;
}

std::string nothing_of(const std::string& output) {
  return fmt::format("{}: no point has it as a number\n", plot_label(output));
}

// The different values of a parameter, in the order in which they come.
std::vector<std::string> values_in(const sweep::Table& table, std::size_t parameter) {
  std::vector<std::string> values;
  for (const auto& row : table.rows) {
    const auto& value = row.parameters.at(parameter);
    if (std::ranges::find(values, value) == values.end()) values.push_back(value);
  }
  return values;
}

// A number with the shade of its share in front.
std::string map_cell(std::optional<double> value, const Extent& extent) {
  if (!value) return "-";
  const auto share = share_of(*value, extent.least, extent.most);
  return fmt::format("{} {}", kShades[column_of(share, kShades.size())], plot_number(*value));
}

}  // namespace

std::string line_plot(const sweep::Table& table, std::size_t output) {
  const auto extent = extent_of(table, output);
  const auto& name = table.outputs.at(output);
  if (!extent) return nothing_of(name);
  std::vector<Row> lines;
  const auto shown = some_of(table.rows.size(), kPlotLines);
  for (const auto index : shown) {
    const auto& row = table.rows[index];
    const auto value = sweep::number_in(row.outputs.at(output));
    std::string bar(kBarWidth, ' ');
    if (value) bar[column_of(share_of(*value, extent->least, extent->most), kBarWidth)] = '*';
    lines.push_back({"  " + plot_label(row.parameters.at(0)), "|" + bar + "|", value ? plot_number(*value) : "-"});
  }
  return fmt::format("{} by {}, from {} to {}\n", plot_label(name), plot_label(table.parameters.at(0)),
                     plot_number(extent->least), plot_number(extent->most)) +
         render_table(lines) + left_out(table.rows.size(), shown.size(), table.parameters.at(0));
}

std::string heat_map(const sweep::Table& table, std::size_t output) {
  const auto extent = extent_of(table, output);
  const auto& name = table.outputs.at(output);
  if (!extent) return nothing_of(name);
  std::map<std::pair<std::string, std::string>, double> cells;
  for (const auto& row : table.rows) {
    if (const auto value = sweep::number_in(row.outputs.at(output))) {
      cells.emplace(std::pair(row.parameters.at(0), row.parameters.at(1)), *value);
    }
  }
  const auto down = values_in(table, 0), right = values_in(table, 1);
  const auto rows = some_of(down.size(), kPlotLines), columns = some_of(right.size(), kMapColumns);
  Row header{plot_label(table.parameters.at(0))};
  for (const auto column : columns) {
    header.push_back(plot_label(right[column], kCellWidth + 2));
  }
  std::vector<Row> lines{header};
  for (const auto row : rows) {
    Row line{plot_label(down[row])};
    for (const auto column : columns) {
      const auto found = cells.find({down[row], right[column]});
      line.push_back(map_cell(found == cells.end() ? std::nullopt : std::optional(found->second), *extent));
    }
    lines.push_back(std::move(line));
  }
  return fmt::format("{} by {} (down) and {} (right),\nfrom {} ({}) to {} ({})\n", plot_label(name),
                     plot_label(table.parameters.at(0)), plot_label(table.parameters.at(1)), plot_number(extent->least),
                     kShades.front(), plot_number(extent->most), kShades.back()) +
         render_table(lines) + left_out(down.size(), rows.size(), table.parameters.at(0)) +
         left_out(right.size(), columns.size(), table.parameters.at(1));
}

std::string tornado(const api::ModelSweepStatus& status, const std::string& output, std::optional<double> base) {
  std::vector<const api::OutputSensitivity*> ranges;
  for (const auto& each : status.sensitivity) {
    if (each.output == output && each.low && each.high) ranges.push_back(&each);
  }
  if (ranges.empty()) return {};
  const auto width_of = [](const auto* each) { return *each->high / 2 - *each->low / 2; };
  std::ranges::stable_sort(ranges, std::ranges::greater{}, width_of);
  Extent extent{base.value_or(*ranges.front()->low), base.value_or(*ranges.front()->high)};
  for (const auto* each : ranges) {
    extent.least = std::min(extent.least, *each->low);
    extent.most = std::max(extent.most, *each->high);
  }
  const auto column = [&](double value) {
    return column_of(share_of(value, extent.least, extent.most), kTornadoWidth);
  };
  const auto at = [](double value, const std::string& where) {
    return plot_number(value) + (where.empty() ? "" : " at " + plot_label(where, kCellWidth));
  };
  std::vector<Row> lines;
  for (const auto* each : ranges) {
    std::string bar(kTornadoWidth, ' ');
    std::fill(bar.begin() + static_cast<std::ptrdiff_t>(column(*each->low)),
              bar.begin() + static_cast<std::ptrdiff_t>(column(*each->high)) + 1, '#');
    if (base) bar[column(*base)] = '|';
    lines.push_back({"  " + plot_label(each->axis), bar, at(*each->low, each->low_at), at(*each->high, each->high_at)});
  }
  return fmt::format("{}, from {} to {}{}\n", plot_label(output), plot_number(extent.least), plot_number(extent.most),
                     base ? fmt::format("; | is the base, {}", plot_number(*base)) : "") +
         render_table(lines);
}

std::string histogram(const sweep::Table& table, std::size_t output, const api::OutputSummary& summary) {
  const auto extent = extent_of(table, output);
  if (!extent || !(extent->most > extent->least)) return {};
  const auto class_of = [&](double value) {
    const auto share = share_of(value, extent->least, extent->most);
    return std::min(static_cast<std::size_t>(share * static_cast<double>(kClasses)), kClasses - 1);
  };
  std::array<std::size_t, kClasses> counts{};
  for (const auto& row : table.rows) {
    if (const auto value = sweep::number_in(row.outputs.at(output))) ++counts.at(class_of(*value));
  }
  std::array<std::string, kClasses> marks;
  const std::array<std::pair<const char*, double>, 3> quantiles{
      {{"p5", summary.p5}, {"p50", summary.p50}, {"p95", summary.p95}}};
  for (const auto& [word, value] : quantiles) {
    marks.at(class_of(value)) += fmt::format(" {} {}", word, plot_number(value));
  }
  const auto highest = static_cast<double>(std::ranges::max(counts));
  const double step = (extent->most / kClasses) - (extent->least / kClasses);
  std::vector<Row> lines;
  for (std::size_t i = 0; i < kClasses; ++i) {
    const double share = static_cast<double>(counts.at(i)) / highest;
    std::string bar(static_cast<std::size_t>(std::ceil(share * static_cast<double>(kBarWidth))), '#');
    bar.resize(kBarWidth, ' ');
    lines.push_back({"  " + plot_number(extent->least + step * static_cast<double>(i)), bar,
                     std::to_string(counts.at(i)) + marks.at(i)});
  }
  return fmt::format("{}, from {} to {}: how many of {} points\n", plot_label(table.outputs.at(output)),
                     plot_number(extent->least), plot_number(extent->most), summary.count) +
         render_table(lines);
}

namespace {

// The drawing of one output; empty if there is none.
std::string plot_of(const sweep::Space& space, const api::ModelSweepStatus& status, const sweep::Table& table,
                    const api::OutputSummary& summary) {
  const auto found = std::ranges::find(table.outputs, summary.output);
  if (found == table.outputs.end() || table.rows.empty()) return {};
  const auto output = static_cast<std::size_t>(found - table.outputs.begin());
  if (std::holds_alternative<sweep::Sample>(space)) return histogram(table, output, summary);
  if (std::holds_alternative<sweep::OneAtATime>(space)) {
    return tornado(status, summary.output, sweep::number_in(table.rows.front().outputs.at(output)));
  }
  if (table.parameters.size() == 1) return line_plot(table, output);
  if (!std::holds_alternative<sweep::Grid>(space)) return {};
  return table.parameters.size() == 2 ? heat_map(table, output) : tornado(status, summary.output, std::nullopt);
}

}  // namespace

std::string plots(const api::ModelSweep& sweep, const sweep::Table& table) {
  const auto space = sweep::decode_space(sweep.spec.space.text());
  const auto& summaries = sweep.status.summary;
  std::string text;
  if (space) {
    for (std::size_t i = 0; i < std::min(summaries.size(), kPlotOutputs); ++i) {
      const auto plot = plot_of(*space, sweep.status, table, summaries[i]);
      if (!plot.empty()) text += (text.empty() ? "" : "\n") + plot;
    }
  }
  if (text.empty()) return "nothing can be drawn: no output varies along an axis, or the points are written out\n";
  if (summaries.size() > kPlotOutputs) {
    text +=
        fmt::format("\n({} of {} outputs are drawn; --outputs of a sweep chooses)\n", kPlotOutputs, summaries.size());
  }
  return text;
}

}  // namespace modelrun::cli
