#include "gateway/runs/run_fields.h"
#include "gateway/runs/run_wait.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;

json cancel_run_input() {
  return object({{"project_name", text(kProject)}, {"run_id", text("The run's full UUID.")}},
                {"project_name", "run_id"});
}

json cancel_run_result() {
  return object({{"run_id", text(kRunId)},
                 {"status", status("As it stands after at most five seconds.")},
                 {"project_name", text(kProject)},
                 {"message", text("What happens next.")}},
                {"run_id", "status", "project_name", "message"});
}

// Asks for the end of the run that is meant, and returns the run as it is then.
Result<RunSummary> cancel(const json& arguments, const Call& call) {
  const auto meant = meant_for_end(arguments, call, kRunIds);
  RETURN_IF_ERROR(meant);
  const auto found = call.runs.find_summary(call.caller, meant->id, call.stop);
  RETURN_IF_ERROR(found);
  RETURN_IF_ERROR(check_project(*found, *meant, kRunIds));
  return call.runs.cancel(call.caller, found->key, call.stop);
}

// Answers when the run has ended, so that an agent need not ask again; most do within a few seconds. After
// CallTimes::cancel_timeout, and if the wait fails, the run as it was last seen is the answer: its end is asked for.
// One that was deleted meanwhile is kNotFound.
void cancel_run(const json& arguments, const CallPtr& call, const Done& done) {
  const auto asked = cancel(arguments, *call);
  if (!asked) return done(std::unexpected(asked.error()));
  if (api::is_final(asked->phase)) return done(cancel_fields(*asked, /*was_over=*/true, shown_project(*call, *asked)));
  WaitGoal goal{.reached = [](const RunSummary& run) { return api::is_final(run.phase); },
                .deadline = std::chrono::steady_clock::now() + call->times.cancel_timeout};
  wait_for_run(call, *asked, std::move(goal), [call, first = *asked, done](const Result<RunSummary>& seen) {
    if (!seen && seen.error().kind == ErrorKind::kNotFound) return done(std::unexpected(seen.error()));
    const RunSummary& now = seen ? *seen : first;
    done(cancel_fields(now, /*was_over=*/false, shown_project(*call, now)));
  });
}

}  // namespace

Tool make_cancel_run_tool() {
  return Tool{.name = "cancel_run",
              .title = "Cancel a run",
              .description = "Stops a run. What it printed and wrote is kept. A run that is over stays as it is.",
              .idempotent = true,
              .destructive = true,
              .input_schema = cancel_run_input(),
              .output_schema = cancel_run_result(),
              .call = cancel_run};
}

}  // namespace modelrun::gateway
