#include "api/json_access.h"
#include "gateway/runs/cursor.h"
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

constexpr std::string_view kProjectsCursor = "projects";
constexpr std::string_view kEverywhere = "*";  // in place of a namespace
constexpr std::int64_t kUsual = 100;

json list_projects_input() {
  return object(
      {{"project_name",
        optional_text("Only this project, with its models; namespace/name for one outside of your own.")},
       {"namespace", optional_text("Default: your own. '*': all that you may see. Not together with project_name.")},
       {"commit_sha", optional_text("With project_name: only models of which a run on this commit has succeeded.")},
       {"limit", integer("At most so many.", 1, 500, kUsual)},
       {"cursor", optional_text("next_cursor of the answer before, for the projects after those.")}},
      {});
}

json list_projects_result() {
  const json model = object({{"model_name", text("As `run` takes it.")},
                             {"commit_sha", text_or_null("The commit of the newest run that has succeeded.")},
                             {"run_id", text("That run.")}},
                            {"model_name", "commit_sha", "run_id"});
  const json project =
      object({{"project_name", text("As `run` takes it.")},
              {"description", text_or_null("Of its annotation kubernetes.io/description.")},
              {"default_branch", text_or_null("null: not looked up yet.")},
              {"last_commit", text_or_null("The newest commit of the default branch when it was last looked up.")},
              {"last_run_number", of_type({"integer", "null"}, "Of its newest run.")},
              {"active_runs", of_type("integer", "How many run.")},
              {"queued_runs", of_type("integer", "How many wait.")},
              {"suspended", of_type("boolean", "New runs wait until the project is resumed.")},
              {"ready", of_type({"boolean", "null"}, "Whether its source can be reached; null: not known.")},
              {"message", text_or_null("What was found at the source, or why it cannot be reached.")},
              {"models",
               {{"type", {"array", "null"}},
                {"items", model},
                {"description",
                 "With project_name: the models of which a run has succeeded, by name, at most 200; others may be "
                 "in the repository. null: not asked for, or you may not see the runs."}}},
              {"branches",
               {{"type", {"array", "null"}},
                {"items", {{"type", "string"}}},
                {"description",
                 "With project_name: the branches that runs have used, that of the newest run first, at most 50; "
                 "others may be in the repository. null as for models."}}}},
             {"project_name", "description", "default_branch", "last_commit", "last_run_number", "active_runs",
              "queued_runs", "suspended", "ready", "message", "models", "branches"});
  return object({{"projects", list_of(project, "By namespace and name.")},
                 {"total_returned", of_type("integer", "How many projects this answer holds.")},
                 {"next_cursor", text_or_null("For the projects after these; null: these are the last.")}},
                {"projects", "total_returned", "next_cursor"});
}

json entry(const ProjectSummary& project, const Call& call) {
  return {{"project_name", display_project(project.namespace_, project.name, call.caller.namespace_)},
          {"description", or_null(project.description)},
          {"default_branch", or_null(project.default_branch)},
          {"last_commit", or_null(project.last_commit)},
          {"last_run_number", number_or_null(project.last_number)},
          {"active_runs", project.active},
          {"queued_runs", project.queued},
          {"suspended", project.suspended},
          {"ready", project.ready ? json(*project.ready) : json(nullptr)},
          {"message", or_null(project.message)},
          {"models", nullptr},
          {"branches", nullptr}};
}

json answer_of(json entries, json next) {
  return {{"total_returned", entries.size()}, {"projects", std::move(entries)}, {"next_cursor", std::move(next)}};
}

Result<json> one_project(const json& arguments, const Call& call) {
  for (const char* other : {"namespace", "cursor"}) {
    if (!text_at(arguments, other).empty()) {
      return fail(ErrorKind::kInvalid, "{}: not together with project_name, which names one project", other);
    }
  }
  const auto project = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
  RETURN_IF_ERROR(project);
  const auto details = call.runs.project(call.caller, *project, text_at(arguments, "commit_sha"), call.stop);
  RETURN_IF_ERROR(details);
  json fields = entry(details->project, call);
  if (details->branches) fields["branches"] = *details->branches;
  if (details->models) {
    auto& models = fields["models"] = json::array();
    for (const auto& each : *details->models) {
      models.push_back({{"model_name", each.name}, {"commit_sha", or_null(each.commit)}, {"run_id", each.run_id}});
    }
  }
  return answer_of(json::array({std::move(fields)}), nullptr);
}

}  // namespace

Result<json> list_of_projects(const json& arguments, const Call& call) {
  if (!text_at(arguments, "project_name").empty()) return one_project(arguments, call);
  if (!text_at(arguments, "commit_sha").empty()) {
    return fail(ErrorKind::kInvalid, "commit_sha: only together with project_name, whose models it is about");
  }
  const auto where = text_at(arguments, "namespace");
  ProjectQuery query;
  if (where != kEverywhere) {
    auto namespace_ = parse_namespace(where, call.caller.namespace_);
    RETURN_IF_ERROR(namespace_);
    query.namespace_ = std::move(*namespace_);
  }
  query.limit = static_cast<std::size_t>(api::int_at(arguments, "limit").value_or(kUsual));
  if (const auto cursor = text_at(arguments, "cursor"); !cursor.empty()) {
    const auto place = decode_cursor(kProjectsCursor, cursor);
    RETURN_IF_ERROR(place);
    if (text_at(*place, "list") != query.namespace_) return std::unexpected(bad_cursor("it is of another namespace"));
    query.after = text_at(*place, "after");
  }
  const auto page = call.runs.projects(call.caller, query, call.stop);
  RETURN_IF_ERROR(page);
  json entries = json::array();
  for (const auto& each : page->projects) entries.push_back(entry(each, call));
  json next = nullptr;
  if (page->more) {
    const auto& last = page->projects.back();
    next = encode_cursor(kProjectsCursor,
                         {{"list", query.namespace_}, {"after", api::object_key(last.namespace_, last.name)}});
  }
  return answer_of(std::move(entries), std::move(next));
}

Tool make_list_projects_tool() {
  return Tool{.name = "list_projects",
              .title = "List projects",
              .description =
                  "The projects that you may see, with the default branch, what it last was found at, and whether new "
                  "runs wait. With project_name: that one, the models of which a run has succeeded, and the branches "
                  "that runs have used. What else is in its repository is not known here.",
              .read_only = true,
              .idempotent = true,
              .input_schema = list_projects_input(),
              .output_schema = list_projects_result(),
              .call = answer_directly<list_of_projects>};
}

}  // namespace modelrun::gateway
