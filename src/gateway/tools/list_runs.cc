#include "gateway/runs/run_fields.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;

json list_runs_result() {
  const json run = object({{"run_id", text(kRunId)},
                           {"run_number", of_type({"integer", "null"}, kNumber)},
                           {"status", status("")},
                           {"commit_sha", text_or_null(kCommit)},
                           {"started_at", text_or_null("ISO 8601.")},
                           {"finished_at", text_or_null("ISO 8601.")},
                           {"created_at", text("ISO 8601.")}},
                          {"run_id", "run_number", "status", "commit_sha", "started_at", "finished_at", "created_at"});
  return object({{"project_name", text(kProject)},
                 {"runs", list_of(run, "Newest first, by created_at.")},
                 {"total_returned", of_type("integer", "How many runs this answer holds.")},
                 {"total", of_type("integer", "How many runs there are in all, with the status that was named.")},
                 {"next_cursor", text_or_null("For the runs after these; null: these are the last.")}},
                {"project_name", "runs", "total_returned"});
}

json entry(const RunSummary& run, const Call&) {
  return list_entry(run);
}

Result<json> list_runs(const json& arguments, const Call& call) {
  return list_of_runs(arguments, call, entry);
}

}  // namespace

Tool make_list_runs_tool() {
  return Tool{.name = "list_runs",
              .title = "List runs",
              .description =
                  "The runs of a project, newest first, at most 50 in an answer, with a status if you name one. "
                  "next_cursor leads to older ones.",
              .read_only = true,
              .idempotent = true,
              .cheap = true,
              .input_schema = list_query(kRunIds),
              .output_schema = list_runs_result(),
              .call = answer_directly<list_runs>};
}

}  // namespace modelrun::gateway
