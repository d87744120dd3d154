// What the tools that compare and explain runs share. Internal to gateway/tools.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/json_text.h"
#include "base/error.h"
#include "gateway/runs/call.h"
#include "gateway/runs/run_summary.h"
#include "sweep/pointer.h"
#include "sweep/run_comparison.h"

namespace modelrun::gateway {

// Outputs that were chosen by their names; none: all outputs.
struct ChosenOutputs {
  std::vector<std::string> names;          // as they were given
  std::vector<sweep::Pointer> pointers{};  // what they lead to
};
// kInvalid if one of them is no name; `argument` is where they come from.
Result<ChosenOutputs> choose_outputs(const char* argument, std::vector<std::string> names);

// What the arguments output_name, threshold and limit say.
struct ComparisonAsk {
  ChosenOutputs outputs;
  double threshold = 0;   // in percent
  std::size_t limit = 0;  // of the differences in diff
};
// kInvalid if output_name is no name.
Result<ComparisonAsk> comparison_ask(const nlohmann::json& arguments);

// The run that `argument` names. kConflict if it is not over.
Result<RunSummary> ended_run(const nlohmann::json& arguments, const char* argument, const Call& call);

// Makes `run` what it is now, unless it is over. Where that cannot be told for the moment it stays as it was. Blocks.
Result<void> refresh(RunSummary& run, const Call& call);

// "failed, MESSAGE", for a sentence.
std::string how_it_ended(const RunSummary& run);

// A run that is over, from the API server or from memory, with its outputs; `outputs` is empty if it left none.
struct ReadRun {
  RunPtr run;
  std::optional<api::JsonText> outputs;
};
// Fails as RunService::read_run() and payload(). Blocks.
Result<ReadRun> read_with_outputs(const RunSummary& summary, const Call& call);

struct ReadPair {
  sweep::ComparedRun base, other;
};
// Two runs that are over, with their outputs, of which only `chosen` are kept. kNotFound if one of the runs left none,
// or if neither has one of those that were chosen. Fails else as read_with_outputs(). Blocks.
Result<ReadPair> read_pair(const RunSummary& base, const RunSummary& other, const ChosenOutputs& chosen,
                           const Call& call);

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
