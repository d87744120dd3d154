#include "gateway/runs/comparison_fields.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "gateway/runs/run_fields.h"
#include "sweep/exact_json.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using sweep::DifferenceKind;

std::string_view kind_word(DifferenceKind kind) {
  if (kind == DifferenceKind::kOnlyBase) return "only_base";
  if (kind == DifferenceKind::kOnlyOther) return "only_other";
  return sweep::word_of(kind);
}

// One of the two values of a difference: `text` is its JSON text, and empty if it is long or not there; then `shown`
// has the words for it.
json side(const std::string& text, const std::string& shown) {
  if (text.empty()) return shown.empty() ? json(nullptr) : json(shown);
  return json_or_null(text);
}

json difference_fields(const sweep::Difference& each) {
  return {{"path", each.path},
          {"kind", kind_word(each.kind)},
          {"base", side(each.base, shown_base(each))},
          {"other", side(each.other, shown_other(each))},
          {"change", side(each.change, {})},
          {"percent", each.percent ? json(*each.percent) : json(nullptr)},
          {"significant", each.significant}};
}

json series_fields(const sweep::Series& each) {
  return {{"path", each.path},
          {"base_size", each.base_size},
          {"other_size", each.other_size},
          {"changed", each.changed},
          {"significant", each.significant},
          {"largest_index", each.largest ? json(*each.largest) : json(nullptr)}};
}

std::string counted(const sweep::Comparison& outputs, double threshold) {
  const auto total = outputs.equal + outputs.changed;
  if (outputs.changed == 0) return fmt::format("All {} values of the outputs are equal.", total);
  auto text = fmt::format(
      "{} of {} values differ, {} of them significantly: numbers by {}% or more, and whatever is no number.",
      outputs.changed, total, outputs.significant, sweep::number_text(threshold));
  if (outputs.unlisted > 0) text += fmt::format(" {} of them are not in diff.", outputs.unlisted);
  return text;
}

}  // namespace

json comparison_fields(const sweep::RunComparison& compared, double threshold) {
  const auto& outputs = compared.outputs;
  json inputs = json::array();
  for (const auto& each : compared.inputs) {
    inputs.push_back({{"name", each.name},
                      {"base", each.base.empty() ? json(nullptr) : json(each.base)},
                      {"other", each.other.empty() ? json(nullptr) : json(each.other)}});
  }
  json diff = json::array();
  for (const auto& each : outputs.differences) diff.push_back(difference_fields(each));
  json series = json::array();
  for (const auto& each : outputs.series) series.push_back(series_fields(each));
  return {{"inputs", std::move(inputs)},
          {"diff", std::move(diff)},
          {"series", std::move(series)},
          {"summary",
           {{"equal", outputs.equal},
            {"changed", outputs.changed},
            {"significant", outputs.significant},
            {"truncated", outputs.more()},
            {"unlisted", outputs.unlisted},
            {"unlisted_series", outputs.unlisted_series},
            {"text", counted(outputs, threshold)}}}};
}

json no_comparison() {
  return {{"inputs", json::array()}, {"diff", json::array()}, {"series", json::array()}, {"summary", nullptr}};
}

}  // namespace modelrun::gateway
