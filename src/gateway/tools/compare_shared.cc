#include "gateway/tools/compare_shared.h"

#include <utility>

#include "api/json_access.h"
#include "gateway/runs/comparison_fields.h"
#include "gateway/runs/names.h"
#include "gateway/tools/schema.h"
#include "sweep/pointer.h"
#include "sweep/run_comparison.h"

namespace modelrun::gateway {

using api::text_at;
using nlohmann::json;

namespace {

constexpr double kUsualThreshold = 10;  // percent
constexpr std::int64_t kUsualDifferences = 100;
constexpr std::int64_t kMaxDifferences = 500;

Result<sweep::ComparedRun> read_compared(const RunSummary& summary, const Call& call) {
  const auto read = call.runs.read_run(call.caller, summary.key, call.stop);
  RETURN_IF_ERROR(read);
  const auto& status = (*read)->status;
  auto outputs = status.outputs;
  if (!outputs && status.result_ref) {
    const auto frame = call.runs.payload(call.caller, **read, call.stop);
    if (!frame) return fail_in(fmt::format("the outputs of run {}", summary.key.uid), frame.error());
    outputs = (*frame)->outputs;
  }
  if (!outputs) {
    return fail(ErrorKind::kNotFound,
                "run {} ({}) left no outputs, so there is nothing to compare: get_run says how it ended",
                summary.key.uid, status_word(summary.phase));
  }
  return sweep::ComparedRun{.run = **read, .outputs = std::move(*outputs)};
}

// What `outputs` has in the place of `pointer`, alone in an object; {} if there is nothing.
Result<api::JsonText> only(const api::JsonText& outputs, const sweep::Pointer& pointer) {
  const auto value = sweep::value_at(outputs.text(), pointer);
  if (!value) return api::JsonText(json::object());
  auto object = sweep::with_value("{}", pointer, *value);
  RETURN_IF_ERROR(object);
  return api::JsonText::from_compact(std::move(*object));
}

Result<void> keep_only(const ComparisonAsk& ask, sweep::ComparedRun& base, sweep::ComparedRun& other) {
  for (auto* run : {&base, &other}) {
    auto kept = only(run->outputs, *ask.output);
    RETURN_IF_ERROR(kept);
    run->outputs = std::move(*kept);
  }
  if (base.outputs.text() != "{}" || other.outputs.text() != "{}") return {};
  return fail(ErrorKind::kNotFound,
              "neither run has an output '{}': get_run_output with output_name '*' shows what they have",
              ask.output_name);
}

}  // namespace

Result<ComparisonAsk> comparison_ask(const json& arguments) {
  ComparisonAsk ask{.output_name = text_at(arguments, "output_name"),
                    .output = {},
                    .threshold = arguments.value("threshold", kUsualThreshold),
                    .limit = static_cast<std::size_t>(api::int_at(arguments, "limit").value_or(kUsualDifferences))};
  if (ask.output_name.empty()) return ask;
  auto pointer = sweep::parse_name(ask.output_name);
  if (!pointer) return fail_in("output_name", pointer.error());
  ask.output = std::move(*pointer);
  return ask;
}

Result<json> compare_ended(const Call& call, const RunSummary& base, const RunSummary& other,
                           const ComparisonAsk& ask) {
  auto first = read_compared(base, call);
  RETURN_IF_ERROR(first);
  auto second = read_compared(other, call);
  RETURN_IF_ERROR(second);
  if (ask.output) RETURN_IF_ERROR(keep_only(ask, *first, *second));
  const auto compared =
      sweep::compare_runs(*first, *second, {.threshold_percent = ask.threshold, .max_differences = ask.limit});
  auto fields = comparison_fields(compared, ask.threshold);
  const auto& data = first->run.status.data_snapshot_ref;
  const bool same_data = data == second->run.status.data_snapshot_ref;
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
