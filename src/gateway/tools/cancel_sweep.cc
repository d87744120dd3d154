#include "gateway/runs/run_wait.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/sweep_shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;

json cancel_sweep_input() {
  return object({{"project_name", text(kProject)}, {"sweep_id", text("The sweep's full UUID.")}},
                {"project_name", "sweep_id"});
}

json cancel_sweep_result() {
  return object({{"sweep_id", text(kSweepId)},
                 {"status", status("As it stands after at most five seconds.")},
                 {"project_name", text(kProject)},
                 {"message", text("What happens next.")}},
                {"sweep_id", "status", "project_name", "message"});
}

// Asks for the end of the sweep that is meant, and returns the sweep as it is then.
Result<SweepSummary> ask_for_end(const json& arguments, const Call& call) {
  const auto meant = meant_for_end(arguments, call, kSweepIds);
  RETURN_IF_ERROR(meant);
  const auto found = call.sweeps.find_summary(call.caller, meant->id, call.stop);
  RETURN_IF_ERROR(found);
  RETURN_IF_ERROR(check_project(*found, *meant, kSweepIds));
  return call.sweeps.cancel(call.caller, found->key, call.stop);
}

// Answers as cancel_run does.
void cancel_sweep(const json& arguments, const CallPtr& call, const Done& done) {
  const auto asked = ask_for_end(arguments, *call);
  if (!asked) return done(std::unexpected(asked.error()));
  const auto project = shown_project(*call, *asked);
  if (api::is_final(asked->phase)) return done(cancel_sweep_fields(*asked, /*was_over=*/true, project));
  wait_for_sweep(call, *asked,
                 {.reached = [](const SweepSummary& sweep) { return api::is_final(sweep.phase); },
                  .deadline = std::chrono::steady_clock::now() + call->times.cancel_timeout},
                 [first = *asked, project, done](const Result<SweepSummary>& seen) {
                   if (!seen && seen.error().kind == ErrorKind::kNotFound) return done(std::unexpected(seen.error()));
                   done(cancel_sweep_fields(seen ? *seen : first, /*was_over=*/false, project));
                 });
}

}  // namespace

Tool make_cancel_sweep_tool() {
  return Tool{.name = "cancel_sweep",
              .title = "Cancel a sweep",
              .description =
                  "Stops a sweep. Points that have ended stay in its table. A sweep that is over stays as it "
                  "is.",
              .idempotent = true,
              .destructive = true,
              .input_schema = cancel_sweep_input(),
              .output_schema = cancel_sweep_result(),
              .call = cancel_sweep};
}

}  // namespace modelrun::gateway
