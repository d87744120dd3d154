#include "cli/comparison.h"

#include <algorithm>
#include <utility>

#include "api/text_builder.h"
#include "base/encoding.h"
#include "cli/table.h"
#include "sweep/cells.h"
#include "sweep/exact_json.h"

namespace modelrun::cli {
namespace {

constexpr std::size_t kMostInputs = 1000;  // differences of parameters that are listed
constexpr std::size_t kCellBytes = 40;     // of a text in a table

using sweep::Difference;
using sweep::DifferenceKind;

// What a table shows of the two values: empty only if that run has none.
constexpr std::string_view kLongValue = "(more than 1 KiB)";
static_assert(sweep::kMaxShownValue == 1024);

std::string base_of(const Difference& each) {
  const bool is_long = each.base.empty() && each.kind != DifferenceKind::kOnlyOther;
  return is_long ? std::string(kLongValue) : each.base;
}

std::string other_of(const Difference& each) {
  const bool is_long = each.other.empty() && each.kind != DifferenceKind::kOnlyBase;
  return is_long ? std::string(kLongValue) : each.other;
}

// Those of a run without any are {}.
api::JsonText parameters_of(const api::ModelRun& run) {
  const auto& parameters = run.spec.parameters;
  return parameters ? api::JsonText::from_compact(parameters->text()) : api::JsonText(nlohmann::json::object());
}

void add_parameters(const api::ModelRun& base, const api::ModelRun& other, std::vector<InputDifference>& into) {
  const auto compared = sweep::compare(parameters_of(base), parameters_of(other), {.max_differences = kMostInputs});
  for (const auto& each : compared.differences) {
    into.push_back({"parameter " + each.path, base_of(each), other_of(each)});
  }
  if (compared.more) into.push_back({"parameters", "more differ", "more differ"});
}

std::string word_of(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kNumber:
      return "number";
    case DifferenceKind::kBoolean:
      return "boolean";
    case DifferenceKind::kText:
      return "text";
    case DifferenceKind::kType:
      return "type";
    case DifferenceKind::kOnlyBase:
      return "onlyBase";
    case DifferenceKind::kOnlyOther:
      return "onlyOther";
  }
  return "type";
}

// A value in a table: its beginning, if it is long.
std::string short_value(const std::string& text) {
  if (text.size() <= kCellBytes) return text.empty() ? "-" : text;
  return std::string(utf8_front(text, kCellBytes)) + "...";
}

std::string percent_text(const Difference& each) {
  return each.percent ? fmt::format("{:+.2f}%", *each.percent) : "-";
}

std::string counts(const RunComparison& compared) {
  const auto& outputs = compared.outputs;
  const auto total = outputs.equal + outputs.changed;
  if (outputs.changed == 0) return fmt::format("all {} values of the outputs are equal\n", total);
  std::string text = fmt::format("{} of {} values differ, {} of them significantly (*)\n", outputs.changed, total,
                                 outputs.significant);
  if (outputs.more) text += fmt::format("{} are shown; --all shows more\n", outputs.differences.size());
  return text;
}

void add_text(api::TextBuilder& builder, std::string_view name, const std::string& text) {
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
  add_text(builder, "kind", word_of(each.kind));
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

RunComparison compare_runs(const ComparedRun& base, const ComparedRun& other,
                           const sweep::Comparison::Options& options) {
  RunComparison compared{base.run.meta.name, other.run.meta.name, {}, {}};
  const auto add = [&](const char* name, const std::string& a, const std::string& b) {
    if (a != b) compared.inputs.push_back({name, a, b});
  };
  add("project", base.run.spec.project, other.run.spec.project);
  add("entry point", base.run.spec.entry_point(), other.run.spec.entry_point());
  add("commit", base.run.status.commit_sha, other.run.status.commit_sha);
  add("image", base.run.status.provenance.image_id, other.run.status.provenance.image_id);
  add_parameters(base.run, other.run, compared.inputs);
  compared.outputs = sweep::compare(base.outputs, other.outputs, options);
  std::ranges::stable_partition(compared.outputs.differences, &Difference::significant);
  return compared;
}

std::string comparison_text(const RunComparison& compared) {
  std::string text;
  if (compared.inputs.empty()) {
    text = "what went in: the same commit, image and parameters\n";
  } else {
    std::vector<Row> rows{{"INPUT", compared.base, compared.other}};
    for (const auto& each : compared.inputs)
      rows.push_back({each.name, short_value(each.base), short_value(each.other)});
    text = render_table(rows);
  }
  text += '\n';
  if (!compared.outputs.differences.empty()) {
    std::vector<Row> rows{{"OUTPUT", compared.base, compared.other, "CHANGE", "PERCENT"}};
    for (const auto& each : compared.outputs.differences) {
      rows.push_back({each.path, short_value(base_of(each)), short_value(other_of(each)),
                      each.change.empty() ? "-" : each.change, percent_text(each) + (each.significant ? " *" : "")});
    }
    text += render_table(rows) + '\n';
  }
  return text + counts(compared);
}

std::string comparison_csv(const RunComparison& compared) {
  std::string text = "path,kind,base,other,change,percent,significant\r\n";
  for (const auto& each : compared.outputs.differences) {
    const auto percent = each.percent ? sweep::number_text(*each.percent) : std::string();
    text += fmt::format("{},{},{},{},{},{},{}\r\n", sweep::text_cell(each.path), word_of(each.kind),
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
  add_list(builder, "inputs", compared.inputs, [](api::TextBuilder& into, const InputDifference& each) {
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
  add_value(builder, "more", outputs.more ? "true" : "false");
  (void)builder.close();
  (void)builder.close();
  return builder.take() + '\n';
}

}  // namespace modelrun::cli
