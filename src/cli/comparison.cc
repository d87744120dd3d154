#include "cli/comparison.h"

#include <algorithm>
#include <span>

#include "api/text_builder.h"
#include "base/encoding.h"
#include "cli/table.h"
#include "sweep/cells.h"
#include "sweep/exact_json.h"

namespace modelrun::cli {
namespace {

constexpr std::size_t kCellBytes = 40;  // of a text in a table

using sweep::Difference;
using sweep::RunComparison;

// A value in a table: its beginning, if it is long.
std::string short_value(const std::string& text) {
  if (text.size() <= kCellBytes) return text.empty() ? "-" : text;
  return std::string(utf8_front(text, kCellBytes)) + "...";
}

std::string percent_text(const Difference& each) {
  return each.percent ? fmt::format("{:+.2f}%", *each.percent) : "-";
}

std::string counts(const RunComparison& compared, std::size_t shown) {
  const auto& outputs = compared.outputs;
  const auto total = outputs.equal + outputs.changed;
  if (outputs.changed == 0) return fmt::format("all {} values of the outputs are equal\n", total);
  std::string text = fmt::format("{} of {} values differ, {} of them significantly (*)\n", outputs.changed, total,
                                 outputs.significant);
  const auto left_out = outputs.changed - shown;
  if (left_out > 0) {
    const bool all_shows_more = shown < outputs.differences.size();
    text += fmt::format("{} of them are left out here{}\n", left_out, all_shows_more ? "; --all shows more" : "");
  }
  return text;
}

void add_text(api::TextBuilder& builder, std::string_view name, std::string_view text) {
  (void)builder.key(name);
  builder.scalar(sweep::json_string(text));
}

// A member whose value is JSON already; none if it is empty.
void add_value(api::TextBuilder& builder, std::string_view name, const std::string& json) {
  if (json.empty()) return;
  (void)builder.key(name);
  builder.scalar(json);
}

void add_difference(api::TextBuilder& builder, const Difference& each) {
  builder.open(false);
  add_text(builder, "path", each.path);
  add_text(builder, "kind", sweep::word_of(each.kind));
  add_value(builder, "base", each.base);
  add_value(builder, "other", each.other);
  add_value(builder, "change", each.change);
  if (each.percent) add_value(builder, "percent", sweep::number_text(*each.percent));
  add_value(builder, "significant", each.significant ? "true" : "false");
  (void)builder.close();
}

void add_series(api::TextBuilder& builder, const sweep::Series& each) {
  builder.open(false);
  add_text(builder, "path", each.path);
  add_value(builder, "baseSize", std::to_string(each.base_size));
  add_value(builder, "otherSize", std::to_string(each.other_size));
  add_value(builder, "changed", std::to_string(each.changed));
  add_value(builder, "significant", std::to_string(each.significant));
  if (each.largest) add_value(builder, "largest", std::to_string(*each.largest));
  (void)builder.close();
}

template <typename List, typename Add>
void add_list(api::TextBuilder& builder, std::string_view name, const List& list, Add add) {
  (void)builder.key(name);
  builder.open(true);
  for (const auto& each : list) add(builder, each);
  (void)builder.close();
}

}  // namespace

std::string comparison_text(const RunComparison& compared, std::size_t most) {
  std::string text;
  if (compared.inputs.empty()) {
    text = "what went in: the same commit, data, image and parameters\n";
  } else {
    std::vector<Row> rows{{"INPUT", compared.base, compared.other}};
    for (const auto& each : compared.inputs)
      rows.push_back({each.name, short_value(each.base), short_value(each.other)});
    text = render_table(rows);
  }
  text += '\n';
  const auto shown = std::span(compared.outputs.differences).first(std::min(compared.outputs.differences.size(), most));
  if (!shown.empty()) {
    std::vector<Row> rows{{"OUTPUT", compared.base, compared.other, "CHANGE", "PERCENT"}};
    for (const auto& each : shown) {
      rows.push_back({each.path, short_value(sweep::shown_base(each)), short_value(sweep::shown_other(each)),
                      each.change.empty() ? "-" : each.change, percent_text(each) + (each.significant ? " *" : "")});
    }
    text += render_table(rows) + '\n';
  }
  return text + counts(compared, shown.size());
}

std::string comparison_csv(const RunComparison& compared) {
  std::string text = "path,kind,base,other,change,percent,significant\r\n";
  for (const auto& each : compared.outputs.differences) {
    const auto percent = each.percent ? sweep::number_text(*each.percent) : std::string();
    text += fmt::format("{},{},{},{},{},{},{}\r\n", sweep::text_cell(each.path), sweep::word_of(each.kind),
                        sweep::value_cell(each.base), sweep::value_cell(each.other), each.change, percent,
                        each.significant);
  }
  return text;
}

std::string comparison_json(const RunComparison& compared) {
  const auto& outputs = compared.outputs;
  api::TextBuilder builder;
  builder.open(false);
  add_text(builder, "base", compared.base);
  add_text(builder, "other", compared.other);
  add_list(builder, "inputs", compared.inputs, [](api::TextBuilder& into, const sweep::InputDifference& each) {
    into.open(false);
    add_text(into, "name", each.name);
    add_text(into, "base", each.base);
    add_text(into, "other", each.other);
    (void)into.close();
  });
  add_list(builder, "diff", outputs.differences, add_difference);
  add_list(builder, "series", outputs.series, add_series);
  (void)builder.key("summary");
  builder.open(false);
  add_value(builder, "equal", std::to_string(outputs.equal));
  add_value(builder, "changed", std::to_string(outputs.changed));
  add_value(builder, "significant", std::to_string(outputs.significant));
  add_value(builder, "more", outputs.more() ? "true" : "false");
  if (outputs.more()) {
    add_value(builder, "unlisted", std::to_string(outputs.unlisted));
    add_value(builder, "unlistedSeries", std::to_string(outputs.unlisted_series));
  }
  (void)builder.close();
  (void)builder.close();
  return builder.take() + '\n';
}

}  // namespace modelrun::cli
