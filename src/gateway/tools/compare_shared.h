// What the tools that compare runs share. Internal to gateway/tools.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "gateway/runs/call.h"
#include "gateway/runs/run_summary.h"
#include "sweep/pointer.h"

namespace modelrun::gateway {

// What the arguments output_name, threshold and limit say.
struct ComparisonAsk {
  std::string output_name;               // as it was given; empty: all outputs
  std::optional<sweep::Pointer> output;  // what it leads to
  double threshold = 0;                  // in percent
  std::size_t limit = 0;                 // of the differences in diff
};
// kInvalid if output_name is no name.
Result<ComparisonAsk> comparison_ask(const nlohmann::json& arguments);

// Compares the outputs of two runs that are over: the fields of comparison_fields(), and `warning`. kNotFound if one of
// them left no outputs, or none has the output. Fails else as RunService::read_run() and payload(). Blocks.
Result<nlohmann::json> compare_ended(const Call& call, const RunSummary& base, const RunSummary& other,
                                     const ComparisonAsk& ask);

namespace schema {
// The arguments output_name, threshold and limit, added to `properties`.
void add_comparison_arguments(nlohmann::json& properties);
// The fields of compare_ended(), added to `properties`.
void add_comparison_fields(nlohmann::json& properties);
}  // namespace schema

}  // namespace modelrun::gateway
