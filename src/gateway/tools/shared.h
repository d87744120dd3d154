// Functions that several tools share, and the lists that plain HTTP shows with fields of its own. Internal to
// gateway/tools and gateway/web.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "base/error.h"
#include "gateway/runs/call.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_service.h"

namespace modelrun::gateway {

// The project's name as this caller would write it: without the namespace if it is the caller's own.
std::string shown_project(const Call& call, const RunSummary& run);

// A run with what its answers need besides its status.
struct WholeRun {
  RunPtr run;
  FramePtr frame;  // the full result, if needs_payload(*run) is true; else null
};
// Reads both. Fails with the error of RunService if either cannot be read: an answer without the full result would look
// like a run without outputs. Blocks.
Result<WholeRun> read_whole(const RunSummary& summary, const Call& call);

// Reads the run and, if status holds only a part of its result, the full result, and encodes both with `fields` (one
// of run_fields.h). Fails as read_whole(). Blocks.
Result<nlohmann::json> read_fields(const RunSummary& summary, const Call& call,
                                   nlohmann::json (*fields)(const api::ModelRun&, const api::ResultFrame*,
                                                            std::string_view project));

// True if the arguments have a wait_seconds other than 0; `usual` is its default.
bool waits_seconds(const nlohmann::json& arguments, std::int64_t usual);

// The argument `outputs`: names of outputs, as they were given. kInvalid if one of them is no text.
Result<std::vector<std::string>> named_outputs(const nlohmann::json& arguments);

// The schema of `limit`, for tools that answer with a part of something long.
nlohmann::json part_limit();

// The schema of the arguments of list_runs and list_sweeps: project_name, limit, status and cursor.
nlohmann::json list_query(const IdWords& words);

// What cancel_run and cancel_sweep are asked to end.
struct MeantForEnd {
  ProjectRef project;
  std::string project_name;  // as it was given
  std::string id;
};
// kInvalid unless the id is a whole UUID, so that no other object is meant.
Result<MeantForEnd> meant_for_end(const nlohmann::json& arguments, const Call& call, const IdWords& words);
// kNotFound unless `found`, a summary, is of the project that is meant.
template <class Summary>
Result<void> check_project(const Summary& found, const MeantForEnd& meant, const IdWords& words) {
  if (found.project == meant.project.name && found.key.namespace_ == meant.project.namespace_) return {};
  return fail(ErrorKind::kNotFound, "there is no {} {} of project {}", words.noun, found.key.uid, meant.project_name);
}

// The fields of list_runs for one project, or for a namespace if the arguments have no project_name. `fields` encodes
// one run.
Result<nlohmann::json> list_of_runs(const nlohmann::json& arguments, const Call& call,
                                    nlohmann::json (*fields)(const RunSummary&, const Call&));

// The fields of list_projects.
Result<nlohmann::json> list_of_projects(const nlohmann::json& arguments, const Call& call);

}  // namespace modelrun::gateway
