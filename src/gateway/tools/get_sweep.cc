#include "api/json_access.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/sweep_shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;

constexpr std::int64_t kLookWait = 0;  // seconds

json get_sweep_input() {
  json properties{{"sweep_id", text(kAnySweepId)}};
  add_rows_and_wait(properties, kLookWait);
  return object(std::move(properties), {"sweep_id"});
}

void get_sweep(const json& arguments, const CallPtr& call, const Done& done) {
  const auto found = call->sweeps.find_summary(call->caller, api::text_at(arguments, "sweep_id"), call->stop);
  if (!found) return done(std::unexpected(found.error()));
  answer_sweep(call, *found, sweep_ask(arguments, kLookWait), /*cancel_if_left=*/false, done);
}

bool look_waits(const json& arguments) {
  return waits_seconds(arguments, kLookWait);
}

}  // namespace

Tool make_get_sweep_tool() {
  return Tool{.name = "get_sweep",
              .title = "Get a sweep",
              .description =
                  "How far a sweep is and, when it is over, what its outputs say: summary, sensitivity, and a page of "
                  "the table's rows, from offset on. wait_seconds waits for the end. status success, failed and "
                  "cancelled are final. list_sweeps finds sweeps.",
              .read_only = true,
              .idempotent = true,
              .input_schema = get_sweep_input(),
              .output_schema = sweep_result(),
              .call = get_sweep,
              .may_wait = look_waits};
}

}  // namespace modelrun::gateway
