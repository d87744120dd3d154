#include "gateway/tools/shared.h"

#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"

namespace modelrun::gateway {

using nlohmann::json;

std::string shown_project(const Call& call, const RunSummary& run) {
  return display_project(run.key.namespace_, run.project, call.caller.namespace_);
}

Result<json> read_fields(const RunSummary& summary, const Call& call,
                         json (*fields)(const api::ModelRun&, const api::ResultFrame*, std::string_view)) {
  const auto read = call.runs.read_run(call.caller, summary.key, call.stop);
  RETURN_IF_ERROR(read);
  const api::ModelRun& run = **read;
  if (!needs_payload(run)) return fields(run, nullptr, shown_project(call, summary));
  const auto frame = call.runs.payload(call.caller, run, call.stop);
  if (!frame) {
    return fail_in(fmt::format("run {} is over ({}), but its full result cannot be read", summary.key.uid,
                               status_word(run.status.phase)),
                   frame.error());
  }
  return fields(run, frame->get(), shown_project(call, summary));
}

}  // namespace modelrun::gateway
