// metav1.Condition, as both our resources carry it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace modelrun::api {

enum class ConditionStatus { kTrue, kFalse, kUnknown };

struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;
  std::string message;
  Time last_transition;
  std::int64_t observed_generation = 0;

  friend bool operator==(const Condition&, const Condition&) = default;
};

using Conditions = std::vector<Condition>;

const Condition* find_condition(const Conditions& conditions, std::string_view type);

// Adds or changes one condition. last_transition moves to `next.last_transition` only when the status changes (API
// conventions).
void set_condition(Conditions& conditions, Condition next);

nlohmann::json encode_conditions(const Conditions& conditions);
Conditions decode_conditions(const nlohmann::json& array);

}  // namespace modelrun::api
