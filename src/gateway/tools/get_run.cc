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

json get_run_input() {
  return object({{"run_id", text(kAnyRunId)}}, {"run_id"});
}

json get_run_result() {
  json output =
      of_type({"object", "null"},
              "On success the payload, at most 1 MiB: status, exit_code, stdout, stderr, outputs; else null.");
  return object(
      {{"run_id", text(kRunId)},
       {"run_number", of_type({"integer", "null"}, kNumber)},
       {"project_name", text(kProject)},
       {"status", status("success, failed, timed_out and cancelled are final.")},
       {"commit_sha", text_or_null(kCommit)},
       {"started_at", text_or_null("ISO 8601.")},
       {"finished_at", text_or_null("ISO 8601.")},
       {"error_message", text_or_null("Why it failed, with the end of stderr.")},
       {"output", std::move(output)},
       {"truncated",
        of_type("boolean", "A part of the payload is missing: it was larger than 1 MiB, or a stream was cut before.")},
       {"model_name", text_or_null("The model; null for the whole project.")},
       {"parameters", of_type({"object", "null"}, "What it was given; null: no file.")},
       {"waiting_for", text_or_null("Why a pending run does not run yet.")},
       {"warning", text_or_null("Something that is worth knowing.")}},
      {"run_id", "run_number", "project_name", "status", "commit_sha", "started_at", "finished_at", "error_message",
       "output", "truncated"});
}

Result<json> get_run(const json& arguments, const Call& call) {
  const auto found = call.runs.find_summary(call.caller, text_at(arguments, "run_id"), call.stop);
  RETURN_IF_ERROR(found);
  return read_fields(*found, call, run_fields);
}

std::optional<json> recall(const json& arguments, const Identity& caller, RunService& runs) {
  const auto ended = runs.remembered_run(caller, text_at(arguments, "run_id"));
  if (!ended) return std::nullopt;
  const auto& summary = ended->summary;
  return run_fields(*ended->run, ended->frame.get(),
                    display_project(summary.key.namespace_, summary.project, caller.namespace_));
}

}  // namespace

Tool make_get_run_tool() {
  return Tool{.name = "get_run",
              .title = "Get a run",
              .description =
                  "Status and result of a run, by its run_id or the first eight or more digits of it. Use it to "
                  "poll an async run until status is success, failed, timed_out or cancelled. Not needed after "
                  "a sync run, which has answered all of this already; list_runs finds runs.",
              .read_only = true,
              .idempotent = true,
              .cheap = true,
              .input_schema = get_run_input(),
              .output_schema = get_run_result(),
              .call = answer_directly<get_run>,
              .recall = recall};
}

}  // namespace modelrun::gateway
