#include "gateway/tools/shared.h"

#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"
#include "gateway/runs/run_page.h"
#include "gateway/runs/text_part.h"
#include "gateway/tools/schema.h"

namespace modelrun::gateway {

using api::text_at;
using nlohmann::json;

std::string shown_project(const Call& call, const RunSummary& run) {
  return display_project(run.key.namespace_, run.project, call.caller.namespace_);
}

Result<WholeRun> read_whole(const RunSummary& summary, const Call& call) {
  auto read = call.runs.read_run(call.caller, summary.key, call.stop);
  RETURN_IF_ERROR(read);
  WholeRun whole{.run = std::move(*read), .frame = {}};
  if (!needs_payload(*whole.run)) return whole;
  auto frame = call.runs.payload(call.caller, *whole.run, call.stop);
  if (!frame) {
    return fail_in(fmt::format("run {} is over ({}), but its full result cannot be read", summary.key.uid,
                               status_word(whole.run->status.phase)),
                   frame.error());
  }
  whole.frame = std::move(*frame);
  return whole;
}

Result<json> read_fields(const RunSummary& summary, const Call& call,
                         json (*fields)(const api::ModelRun&, const api::ResultFrame*, std::string_view)) {
  const auto whole = read_whole(summary, call);
  RETURN_IF_ERROR(whole);
  return fields(*whole->run, whole->frame.get(), shown_project(call, summary));
}

bool waits_seconds(const json& arguments, std::int64_t usual) {
  return api::int_at(arguments, "wait_seconds").value_or(usual) != 0;
}

Result<std::vector<std::string>> named_outputs(const json& arguments) {
  std::vector<std::string> names;
  for (const auto& name : api::member(arguments, "outputs")) {
    if (!name.is_string()) return fail(ErrorKind::kInvalid, "outputs: must be texts, the names of outputs");
    names.push_back(name.get<std::string>());
  }
  return names;
}

json part_limit() {
  return schema::integer("At most so many bytes. An answer can have fewer: characters are not cut, and escapes count.",
                         kMinPart, kMaxPart, kUsualPart);
}

json list_query(const IdWords& words) {
  json filter = schema::status("");
  filter["description"] = fmt::format("Only {}s with this status.", words.noun);
  filter["type"] = {"string", "null"};
  filter["enum"].push_back(nullptr);
  filter["default"] = nullptr;
  json cursor = schema::optional_text("");
  cursor["description"] = fmt::format(
      "next_cursor of the answer before, for the {}s after those. The status is that of the first call.", words.noun);
  return schema::object({{"project_name", schema::text(schema::kProject)},
                         {"limit", schema::integer("At most so many.", 1, 50, 10)},
                         {"status", std::move(filter)},
                         {"cursor", std::move(cursor)}},
                        {"project_name"});
}

Result<MeantForEnd> meant_for_end(const json& arguments, const Call& call, const IdWords& words) {
  MeantForEnd meant{
      .project = {}, .project_name = text_at(arguments, "project_name"), .id = text_at(arguments, words.name)};
  auto project = parse_project(meant.project_name, call.caller.namespace_);
  RETURN_IF_ERROR(project);
  meant.project = std::move(*project);
  const auto digits = id_digits(meant.id, words);
  RETURN_IF_ERROR(digits);
  if (digits->size() != kUuidDigits) {
    return fail(ErrorKind::kInvalid, "{}: cancel_{} wants the whole UUID, so that no other {} is meant", words.name,
                words.noun, words.noun);
  }
  return meant;
}

Result<json> list_of_runs(const json& arguments, const Call& call, json (*fields)(const RunSummary&, const Call&)) {
  json shown = nullptr;
  ProjectRef project;
  if (arguments.contains("project_name")) {
    auto parsed = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
    RETURN_IF_ERROR(parsed);
    project = std::move(*parsed);
    shown = display_project(project.namespace_, project.name, call.caller.namespace_);
  } else {
    auto namespace_ = parse_namespace(text_at(arguments, "namespace"), call.caller.namespace_);
    RETURN_IF_ERROR(namespace_);
    project.namespace_ = std::move(*namespace_);
  }
  const auto list = fmt::format("{}/{}", project.namespace_, project.name);
  const auto query = run_query(arguments, list);
  RETURN_IF_ERROR(query);
  const auto page = project.name.empty() ? call.runs.newest(call.caller, project.namespace_, *query, call.stop)
                                         : call.runs.list(call.caller, project, *query, call.stop);
  RETURN_IF_ERROR(page);
  json entries = json::array();
  for (const auto& run : page->runs) entries.push_back(fields(run, call));
  return json{{"project_name", std::move(shown)},
              {"total_returned", entries.size()},
              {"total", page->total},
              {"runs", std::move(entries)},
              {"next_cursor", next_cursor(*page, *query, list)}};
}

}  // namespace modelrun::gateway
