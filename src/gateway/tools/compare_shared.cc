#include "gateway/tools/compare_shared.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>

#include "api/json_access.h"
#include "gateway/runs/comparison_fields.h"
#include "gateway/runs/names.h"
#include "gateway/tools/schema.h"
#include "sweep/pointer.h"

namespace modelrun::gateway {

using api::text_at;
using nlohmann::json;

namespace {

constexpr double kUsualThreshold = 10;  // percent
constexpr std::int64_t kUsualDifferences = 100;
constexpr std::int64_t kMaxDifferences = 500;

Result<sweep::ComparedRun> read_compared(const RunSummary& summary, const Call& call) {
  auto read = read_with_outputs(summary, call);
  RETURN_IF_ERROR(read);
  if (!read->outputs) {
    return fail(ErrorKind::kNotFound,
                "run {} ({}) left no outputs, so there is nothing to compare: get_run says how it ended",
                summary.key.uid, status_word(summary.phase));
  }
  return sweep::ComparedRun{.run = *read->run, .outputs = std::move(*read->outputs)};
}

// Leaves of the outputs those that were chosen, and removes the names of what is there from `missing`.
Result<void> keep_only(const ChosenOutputs& chosen, sweep::ComparedRun& run, std::set<std::string>& missing) {
  const auto values = sweep::values_at(run.outputs.text(), chosen.pointers);
  std::string kept = "{}";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    auto object = sweep::with_value(kept, chosen.pointers[i], *values[i]);
    RETURN_IF_ERROR(object);
    kept = std::move(*object);
    missing.erase(chosen.names[i]);
  }
  run.outputs = api::JsonText::from_compact(std::move(kept));
  return {};
}

}  // namespace

Result<ChosenOutputs> choose_outputs(const char* argument, std::vector<std::string> names) {
  ChosenOutputs chosen{.names = std::move(names)};
  for (const auto& name : chosen.names) {
    auto pointer = sweep::parse_name(name);
    if (!pointer) return fail_in(argument, pointer.error());
    chosen.pointers.push_back(std::move(*pointer));
  }
  return chosen;
}

Result<ComparisonAsk> comparison_ask(const json& arguments) {
  std::vector<std::string> names;
  if (auto name = text_at(arguments, "output_name"); !name.empty()) names.push_back(std::move(name));
  auto outputs = choose_outputs("output_name", std::move(names));
  RETURN_IF_ERROR(outputs);
  return ComparisonAsk{.outputs = std::move(*outputs),
                       .threshold = arguments.value("threshold", kUsualThreshold),
                       .limit = static_cast<std::size_t>(api::int_at(arguments, "limit").value_or(kUsualDifferences))};
}

Result<RunSummary> ended_run(const json& arguments, const char* argument, const Call& call) {
  auto found = call.runs.find_summary(call.caller, text_at(arguments, argument), call.stop);
  if (!found) return fail_in(argument, found.error());
  if (!api::is_final(found->phase)) {
    return fail(ErrorKind::kConflict, "{}: run {} is {}: call get_run until it is over", argument, found->key.uid,
                status_word(found->phase));
  }
  return found;
}

Result<void> refresh(RunSummary& run, const Call& call) {
  if (api::is_final(run.phase)) return {};
  auto now = call.runs.refresh_summary(call.caller, run.key, /*live=*/false, call.stop);
  if (now) {
    run = std::move(*now);
  } else if (!is_transient(now.error().kind)) {
    return std::unexpected(now.error());
  }
  return {};
}

std::string how_it_ended(const RunSummary& run) {
  return fmt::format("{}{}{}", status_word(run.phase), run.message.empty() ? "" : ", ", run.message);
}

Result<ReadRun> read_with_outputs(const RunSummary& summary, const Call& call) {
  auto run = call.runs.read_run(call.caller, summary.key, call.stop);
  RETURN_IF_ERROR(run);
  ReadRun read{.run = std::move(*run), .outputs = {}};
  const auto& status = read.run->status;
  read.outputs = status.outputs;
  if (!read.outputs && status.result_ref) {
    const auto frame = call.runs.payload(call.caller, *read.run, call.stop);
    if (!frame) return fail_in(fmt::format("the outputs of run {}", summary.key.uid), frame.error());
    read.outputs = (*frame)->outputs;
  }
  return read;
}

Result<ReadPair> read_pair(const RunSummary& base, const RunSummary& other, const ChosenOutputs& chosen,
                           const Call& call) {
  auto first = read_compared(base, call);
  RETURN_IF_ERROR(first);
  auto second = read_compared(other, call);
  RETURN_IF_ERROR(second);
  ReadPair pair{std::move(*first), std::move(*second)};
  if (chosen.names.empty()) return pair;
  std::set<std::string> missing(chosen.names.begin(), chosen.names.end());
  for (auto* run : {&pair.base, &pair.other}) RETURN_IF_ERROR(keep_only(chosen, *run, missing));
  if (missing.empty()) return pair;
  return fail(ErrorKind::kNotFound,
              "neither run has an output '{}': get_run_output with output_name '*' shows what they have",
              *missing.begin());
}

Result<json> compare_ended(const Call& call, const RunSummary& base, const RunSummary& other,
                           const ComparisonAsk& ask) {
  const auto pair = read_pair(base, other, ask.outputs, call);
  RETURN_IF_ERROR(pair);
  const auto compared =
      sweep::compare_runs(pair->base, pair->other, {.threshold_percent = ask.threshold, .max_differences = ask.limit});
  auto fields = comparison_fields(compared, ask.threshold);
  const auto& data = pair->base.run.status.data_snapshot_ref;
  const bool same_data = data == pair->other.run.status.data_snapshot_ref;
  fields["warning"] =
      same_data ? json(nullptr) : json("The project's data is not the same in both runs: see `data` among the inputs.");
  return fields;
}

namespace schema {
void add_comparison_arguments(json& properties) {
  properties["output_name"] =
      optional_text("Only this output, a name or a JSON pointer such as /detail/irr. Default: all.");
  json threshold = of_type("number", "A number that changes by so many percent of the base or more is significant.");
  threshold.update({{"minimum", 0}, {"maximum", 1'000'000}, {"default", kUsualThreshold}});
  properties["threshold"] = std::move(threshold);
  properties["limit"] = integer("At most so many differences in diff.", 1, kMaxDifferences, kUsualDifferences);
}

void add_comparison_fields(json& properties) {
  properties["inputs"] = list_of(complete({{"name", text("commit, data, image, project, entry point, or a parameter.")},
                                           {"base", text_or_null("Of the base; null: none.")},
                                           {"other", text_or_null("Of the other run.")}}),
                                 "What went into the runs and was not the same.");
  properties["diff"] =
      list_of(complete({{"path", text("JSON pointer into the outputs.")},
                        {"kind", words("", {"number", "boolean", "text", "type", "only_base", "only_other"})},
                        {"base", anything("Of the base; null: it does not have it.")},
                        {"other", anything("Of the other run.")},
                        {"change", of_type({"number", "null"}, "other - base, of numbers.")},
                        {"percent", of_type({"number", "null"}, "change in percent of the base; null if that is 0.")},
                        {"significant", of_type("boolean", "It changes by at least the threshold, or is no number.")}}),
              "The values of the outputs that differ, significant ones first.");
  properties["series"] =
      list_of(complete({{"path", text("JSON pointer to a list of numbers in both.")},
                        {"base_size", of_type("integer", "Its length in the base.")},
                        {"other_size", of_type("integer", "In the other run.")},
                        {"changed", of_type("integer", "Elements that differ.")},
                        {"significant", of_type("integer", "Of these, so many significantly.")},
                        {"largest_index", of_type({"integer", "null"}, "The element with the largest change.")}}),
              "Lists of numbers that differ. Their elements are in diff, too.");
  json summary = complete({{"equal", of_type("integer", "Values that are equal.")},
                           {"changed", of_type("integer", "Values that differ.")},
                           {"significant", of_type("integer", "Of these, so many significantly.")},
                           {"truncated", of_type("boolean", "diff or series does not have all: raise limit.")},
                           {"unlisted", of_type("integer",
                                                "So many of the changed are not in diff: beyond limit, or "
                                                "because their path has more than 1 KiB.")},
                           {"unlisted_series", of_type("integer", "So many lists are not in series.")},
                           {"text", text("The same in words.")}});
  summary["type"] = {"object", "null"};
  summary["description"] = "null if the runs cannot be compared.";
  properties["summary"] = std::move(summary);
  properties["warning"] = text_or_null("Something that is worth knowing.");
}

}  // namespace schema
}  // namespace modelrun::gateway
