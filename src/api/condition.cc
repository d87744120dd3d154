#include "api/condition.h"

#include <algorithm>
#include <utility>

#include "api/json_access.h"

namespace modelrun::api {
namespace {

const char* to_text(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::kTrue:
      return "True";
    case ConditionStatus::kFalse:
      return "False";
    case ConditionStatus::kUnknown:
      return "Unknown";
  }
  return "Unknown";
}

ConditionStatus parse_status(const std::string& text) {
  if (text == "True") return ConditionStatus::kTrue;
  return text == "False" ? ConditionStatus::kFalse : ConditionStatus::kUnknown;
}

}  // namespace

const Condition* find_condition(const Conditions& conditions, std::string_view type) {
  const auto found = std::ranges::find(conditions, type, &Condition::type);
  return found == conditions.end() ? nullptr : &*found;
}

void set_condition(Conditions& conditions, Condition next) {
  const auto found = std::ranges::find(conditions, next.type, &Condition::type);
  if (found == conditions.end()) {
    conditions.push_back(std::move(next));
    return;
  }
  if (found->status == next.status) next.last_transition = found->last_transition;
  *found = std::move(next);
}

nlohmann::json encode_conditions(const Conditions& conditions) {
  auto array = nlohmann::json::array();
  for (const auto& condition : conditions) {
    array.push_back({{"type", condition.type},
                     {"status", to_text(condition.status)},
                     {"reason", condition.reason},
                     {"message", condition.message},
                     // metav1.Time has whole seconds, but the CRD's schema accepts any RFC 3339 time.
                     {"lastTransitionTime", format_rfc3339(condition.last_transition)},
                     {"observedGeneration", condition.observed_generation}});
  }
  return array;
}

Conditions decode_conditions(const nlohmann::json& array) {
  Conditions conditions;
  if (!array.is_array()) return conditions;
  for (const auto& item : array) {
    conditions.push_back({text_at(item, "type"), parse_status(text_at(item, "status")), text_at(item, "reason"),
                          text_at(item, "message"), time_at(item, "lastTransitionTime").value_or(Time{}),
                          int_at(item, "observedGeneration").value_or(0)});
  }
  return conditions;
}

}  // namespace modelrun::api
