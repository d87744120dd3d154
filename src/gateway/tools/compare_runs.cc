#include "gateway/runs/names.h"
#include "gateway/tools/compare_shared.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;

json compare_runs_input() {
  json properties{{"base_run_id", text("The run that the other one is compared with: its UUID, or the first eight or "
                                       "more digits.")},
                  {"other_run_id", text("The other run.")}};
  add_comparison_arguments(properties);
  return object(std::move(properties), {"base_run_id", "other_run_id"});
}

json compare_runs_result() {
  json properties{{"base_run_id", text("UUID of the base.")},
                  {"other_run_id", text("UUID of the other run.")},
                  {"base_status", status("How the base ended.")},
                  {"other_status", status("How the other run ended.")}};
  add_comparison_fields(properties);
  return complete(std::move(properties));
}

Result<json> compare_runs(const json& arguments, const Call& call) {
  const auto ask = comparison_ask(arguments);
  RETURN_IF_ERROR(ask);
  const auto base = ended_run(arguments, "base_run_id", call);
  RETURN_IF_ERROR(base);
  const auto other = ended_run(arguments, "other_run_id", call);
  RETURN_IF_ERROR(other);
  auto fields = compare_ended(call, *base, *other, *ask);
  RETURN_IF_ERROR(fields);
  fields->update({{"base_run_id", base->key.uid},
                  {"other_run_id", other->key.uid},
                  {"base_status", status_word(base->phase)},
                  {"other_status", status_word(other->phase)}});
  return fields;
}

}  // namespace

Tool make_compare_runs_tool() {
  return Tool{
      .name = "compare_runs",
      .title = "Compare two runs",
      .description =
          "What differs between two runs that are over: what went in (commit, data, image, parameters), and each "
          "value of the outputs, absolute and in percent; changes by `threshold` percent or more are marked as "
          "significant. explain_runs says which cause did what; compare_branches runs two branches first.",
      .read_only = true,
      .idempotent = true,
      .input_schema = compare_runs_input(),
      .output_schema = compare_runs_result(),
      .call = answer_directly<compare_runs>};
}

}  // namespace modelrun::gateway
