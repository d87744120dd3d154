// metav1.Condition, which the status of ModelRun and of ModelProject has a list of. Pure.
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

// Returns the condition of this type, or nullptr. The pointer is valid until `conditions` changes.
const Condition* find_condition(const Conditions& conditions, std::string_view type);

// Adds `next`, or replaces the condition of the same type by it. As the Kubernetes API conventions require, a
// replaced condition keeps its last_transition unless its status changes.
void set_condition(Conditions& conditions, Condition next);

nlohmann::json encode_conditions(const Conditions& conditions);
// Never fails: a value that is not an array gives no conditions, and a member that is absent or of another type gets
// the default of its field (kUnknown for an unknown status).
Conditions decode_conditions(const nlohmann::json& array);

}  // namespace modelrun::api
