#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;
using api::text_at;

json cancel_run_input() {
  return object({{"project_name", text(kProject)}, {"run_id", text("The run's full UUID.")}},
                {"project_name", "run_id"});
}

json cancel_run_result() {
  return object({{"run_id", text(kRunId)},
                 {"status", status("As it stands now; the end takes some seconds.")},
                 {"project_name", text(kProject)},
                 {"message", text("What happens next.")}},
                {"run_id", "status", "project_name", "message"});
}

Result<json> cancel_run(const json& arguments, const Call& call) {
  const auto project = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
  RETURN_IF_ERROR(project);
  const auto run_id = text_at(arguments, "run_id");
  const auto digits = run_id_digits(run_id);
  RETURN_IF_ERROR(digits);
  if (digits->size() != 32) {
    return fail(ErrorKind::kInvalid, "run_id: cancel_run wants the whole UUID, so that no other run is meant");
  }
  const auto found = call.runs.find_summary(call.caller, run_id, call.stop);
  RETURN_IF_ERROR(found);
  if (found->project != project->name || found->key.namespace_ != project->namespace_) {
    return fail(ErrorKind::kNotFound, "there is no run {} of project {}", found->key.uid,
                text_at(arguments, "project_name"));
  }
  const auto cancelled = call.runs.cancel(call.caller, found->key, call.stop);
  RETURN_IF_ERROR(cancelled);
  return cancel_fields(*cancelled, shown_project(call, *cancelled));
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
              .call = answer_directly<cancel_run>};
}

}  // namespace modelrun::gateway
