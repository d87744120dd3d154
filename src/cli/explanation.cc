#include "cli/explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "api/text_builder.h"
#include "cli/table.h"
#include "sweep/cells.h"
#include "sweep/decimal.h"
#include "sweep/exact_json.h"

namespace modelrun::cli {
namespace {

constexpr std::size_t kDrawnColumns = 30;

double drawn_value(const std::string& number) {
  const auto decimal = sweep::Decimal::parse(number);
  return decimal ? decimal->to_double().value_or(0) : 0;
}

// The drawings of the base and of each step.
std::vector<std::string> drawings_of(const sweep::Bridge& bridge) {
  std::vector<double> values{drawn_value(bridge.from)};
  for (const auto& step : bridge.steps) values.push_back(drawn_value(step.value));
  const auto [least, most] = std::ranges::minmax(values);
  const double half = most / 2 - least / 2;  // most - least may overflow
  const auto column = [&](double value) {
    const double share = half > 0 ? (value / 2 - least / 2) / half : 0;
    return static_cast<std::size_t>(std::lround(share * static_cast<double>(kDrawnColumns - 1)));
  };
  std::vector<std::string> drawings;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto [from, to] = std::minmax({column(values[i == 0 ? 0 : i - 1]), column(values[i])});  // by value
    const bool moves = i > 0 && values[i] != values[i - 1];
    const char mark = !moves ? '|' : values[i] > values[i - 1] ? '+' : '-';
    drawings.push_back(std::string(from, ' ') + std::string(to - from + 1, mark));
  }
  return drawings;
}

std::string bridge_text(const ExplainedRuns& explained, const sweep::OutputBridge& output) {
  const auto& bridge = output.bridge;
  const auto drawings = drawings_of(bridge);
  std::vector<Row> rows{{"  CAUSE", "CHANGE", "VALUE", "RUN", ""}};
  rows.front().pop_back();
  rows.push_back({"  (base)", "-", bridge.from, explained.base, drawings.front()});
  for (std::size_t i = 0; i < bridge.steps.size(); ++i) {
    const auto& step = bridge.steps[i];
    rows.push_back({"  " + step.name, step.contribution, step.value, explained.steps.at(i), drawings.at(i + 1)});
  }
  return fmt::format("{}: from {} to {}, which is {} in all{}\n", output.path, bridge.from, bridge.to, bridge.change,
                     bridge.rounded ? " (rounded)" : "") +
         render_table(rows);
}

void put_text(api::TextBuilder& builder, std::string_view name, std::string_view text) {
  (void)builder.key(name);
  builder.scalar(sweep::json_string(text));
}

void put_json(api::TextBuilder& builder, std::string_view name, std::string_view json) {
  (void)builder.key(name);
  builder.scalar(json);
}

void put_bridge(api::TextBuilder& builder, const ExplainedRuns& explained, const sweep::OutputBridge& output) {
  const auto& bridge = output.bridge;
  builder.open(false);
  put_text(builder, "path", output.path);
  put_json(builder, "from", bridge.from);
  put_json(builder, "to", bridge.to);
  put_json(builder, "change", bridge.change);
  put_json(builder, "rounded", bridge.rounded ? "true" : "false");
  (void)builder.key("steps");
  builder.open(true);
  for (std::size_t i = 0; i < bridge.steps.size(); ++i) {
    builder.open(false);
    put_text(builder, "cause", bridge.steps[i].name);
    put_text(builder, "run", explained.steps.at(i));
    put_json(builder, "value", bridge.steps[i].value);
    put_json(builder, "change", bridge.steps[i].contribution);
    (void)builder.close();
  }
  (void)builder.close();
  (void)builder.close();
}

}  // namespace

std::string explanation_text(const ExplainedRuns& explained, std::size_t most) {
  const auto& [bridges, without] = explained.explanation;
  std::string text;
  for (std::size_t i = 0; i < std::min(bridges.size(), most); ++i) {
    text += (text.empty() ? "" : "\n") + bridge_text(explained, bridges[i]);
  }
  if (bridges.empty()) text = "no number of the outputs differs that could be explained\n";
  if (bridges.size() > most) {
    text += fmt::format("\n{} of {} numbers that differ are explained here; --all shows more\n", most, bridges.size());
  }
  if (!without.empty()) {
    text += fmt::format("\nnot explained, since a step has no number there: {}{}\n", without.front(),
                        without.size() == 1 ? "" : fmt::format(" and {} more", without.size() - 1));
  }
  return text;
}

std::string explanation_csv(const ExplainedRuns& explained) {
  std::string text = "path,step,cause,run,change,value\r\n";
  for (const auto& [path, bridge] : explained.explanation.bridges) {
    const auto cell = sweep::text_cell(path);
    text += fmt::format("{},0,base,{},,{}\r\n", cell, sweep::text_cell(explained.base), bridge.from);
    for (std::size_t i = 0; i < bridge.steps.size(); ++i) {
      const auto& step = bridge.steps[i];
      text += fmt::format("{},{},{},{},{},{}\r\n", cell, i + 1, sweep::text_cell(step.name),
                          sweep::text_cell(explained.steps.at(i)), step.contribution, step.value);
    }
  }
  return text;
}

std::string explanation_json(const ExplainedRuns& explained, std::string_view comparison) {
  while (comparison.ends_with('\n')) comparison.remove_suffix(1);
  api::TextBuilder builder;
  builder.open(false);
  put_json(builder, "comparison", comparison);
  (void)builder.key("bridges");
  builder.open(true);
  for (const auto& each : explained.explanation.bridges) put_bridge(builder, explained, each);
  (void)builder.close();
  (void)builder.key("notExplained");
  builder.open(true);
  for (const auto& path : explained.explanation.without) builder.scalar(sweep::json_string(path));
  (void)builder.close();
  (void)builder.close();
  return builder.take() + '\n';
}

}  // namespace modelrun::cli
