#include "gateway/runs/explanation_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/encoding.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"
#include "sweep/decimal.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxCauseShown = 128;  // bytes
constexpr std::size_t kMaxCausesNamed = 4;   // in a sentence

std::string with_sign(const std::string& number) {
  return number.starts_with('-') || number == "0" ? number : "+" + number;
}

sweep::Decimal size_of(const sweep::BridgeStep& step) {
  return sweep::Decimal::parse(step.contribution).value_or(sweep::Decimal()).absolute();
}

// "commit -38.73, parameter growth +15.25": those that move the output, the strongest first.
std::string causes_text(const sweep::Bridge& bridge) {
  std::vector<const sweep::BridgeStep*> moving;
  for (const auto& step : bridge.steps) {
    if (!size_of(step).is_zero()) moving.push_back(&step);
  }
  std::ranges::stable_sort(moving, [](const auto* a, const auto* b) { return size_of(*b) < size_of(*a); });
  std::string text;
  for (std::size_t i = 0; i < std::min(moving.size(), kMaxCausesNamed); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", moving[i]->name, with_sign(moving[i]->contribution));
  }
  if (moving.size() > kMaxCausesNamed) text += fmt::format(" and {} more", moving.size() - kMaxCausesNamed);
  return text;
}

std::string sentence_of(const sweep::OutputBridge& output) {
  const auto& bridge = output.bridge;
  const auto causes = causes_text(bridge);
  return fmt::format("{} goes from {} to {}, which is {}{}{}.", output.path, bridge.from, bridge.to,
                     with_sign(bridge.change), causes.empty() ? "" : ": ", causes);
}

json bridge_fields(const sweep::OutputBridge& output) {
  const auto& bridge = output.bridge;
  json steps = json::array();
  for (const auto& step : bridge.steps) {
    steps.push_back(
        {{"cause", step.name}, {"value", json_or_null(step.value)}, {"contribution", json_or_null(step.contribution)}});
  }
  return {{"path", output.path},           {"from", json_or_null(bridge.from)},
          {"to", json_or_null(bridge.to)}, {"change", json_or_null(bridge.change)},
          {"rounded", bridge.rounded},     {"steps", std::move(steps)},
          {"summary", sentence_of(output)}};
}

std::string summary_of(const sweep::Explanation& explanation, std::size_t changed) {
  if (changed == 0) return "No number of the outputs differs.";
  auto text = fmt::format("{} of {} numbers that differ are explained.", explanation.bridges.size(), changed);
  if (!explanation.bridges.empty()) text += " " + sentence_of(explanation.bridges.front());
  if (!explanation.without.empty()) {
    text += fmt::format(" {} cannot be, since a run in between has no number there.", explanation.without.size());
  }
  return text;
}

}  // namespace

std::string shown_cause(const std::string& cause) {
  if (cause.size() <= kMaxCauseShown) return cause;
  return std::string(utf8_front(cause, kMaxCauseShown)) + "...";
}

json steps_fields(const std::vector<ShownStep>& steps) {
  json fields = json::array();
  for (const auto& step : steps) {
    fields.push_back({{"cause", step.cause}, {"run_id", step.run_id}, {"status", status_word(step.phase)}});
  }
  return fields;
}

json explanation_fields(const sweep::Explanation& explanation, const sweep::Comparison& compared) {
  json bridges = json::array();
  for (const auto& each : explanation.bridges) bridges.push_back(bridge_fields(each));
  return {{"bridges", std::move(bridges)},
          {"not_explained", explanation.without},
          {"numbers_changed", compared.changed},
          {"truncated", compared.unlisted > 0},
          {"summary", summary_of(explanation, compared.changed)}};
}

json no_explanation() {
  return {{"bridges", json::array()},
          {"not_explained", json::array()},
          {"numbers_changed", nullptr},
          {"truncated", false},
          {"summary", nullptr}};
}

}  // namespace modelrun::gateway
