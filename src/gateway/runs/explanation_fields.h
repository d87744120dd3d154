// Encodes why two runs differ as the JSON objects that clients of the gateway receive; docs/gateway.md lists their
// fields. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "sweep/compare.h"
#include "sweep/explain.h"

namespace modelrun::gateway {

// A run on the way from the base to the other run, or that run itself.
struct ShownStep {
  std::string cause;
  std::string run_id;
  api::Phase phase = api::Phase::kNone;
};

// The cause of a step as clients see it; of a long one only its beginning. The name of a parameter may have as many
// bytes as the parameters, and a cause stands in each bridge.
std::string shown_cause(const std::string& cause);

// How the values of bridges are rounded for clients, who read the numbers of JSON as binary64.
inline constexpr int kBridgeDigits = 14;

// The field `steps`.
nlohmann::json steps_fields(const std::vector<ShownStep>& steps);

// The fields bridges, not_explained, numbers_changed, truncated and summary. `explanation` was made with kBridgeDigits
// from the differences of `compared`, which counts numbers only, and its causes are those of shown_cause().
nlohmann::json explanation_fields(const sweep::Explanation& explanation, const sweep::Comparison& compared);

// The same fields as long as nothing can be explained.
nlohmann::json no_explanation();

}  // namespace modelrun::gateway
