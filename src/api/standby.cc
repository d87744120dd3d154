#include "api/standby.h"

#include "api/json_access.h"
#include "api/sandbox.h"
#include "api/strict_json.h"

namespace modelrun::api {

std::string encode_work(const Work& work) {
  nlohmann::json environment = nlohmann::json::object();
  for (const auto& [name, value] : work.environment) environment[name] = value;
  nlohmann::json out = {{"run", work.run_name},
                        {"uid", work.run_uid},
                        {"attempt", work.attempt},
                        {"entryPoint", work.entry_point},
                        {"timeoutSeconds", work.timeout.count()},
                        {"environment", std::move(environment)}};
  if (work.parameters) out["parameters"] = *work.parameters;
  if (work.points) out["points"] = true;
  return json_text(out);
}

Result<Work> decode_work(std::string_view line) {
  const auto value = parse_strict(line);
  if (!value) return fail_in("work", value.error());
  Work work;
  work.run_name = text_at(*value, "run");
  work.run_uid = text_at(*value, "uid");
  work.attempt = static_cast<int>(int_at(*value, "attempt").value_or(0));
  work.entry_point = text_at(*value, "entryPoint");
  work.timeout = std::chrono::seconds(int_at(*value, "timeoutSeconds").value_or(0));
  for (const auto& [name, text] : member(*value, "environment").items()) {
    if (text.is_string()) work.environment.emplace_back(name, text.get<std::string>());
  }
  const auto& parameters = member(*value, "parameters");
  if (parameters.is_string()) work.parameters = parameters.get<std::string>();
  work.points = bool_at(*value, "points");
  if (work.run_name.empty() || work.run_uid.empty() || work.attempt < 1 || work.entry_point.empty() ||
      work.timeout < std::chrono::seconds(1)) {
    return fail(ErrorKind::kInvalid, "work: run, uid, attempt, entryPoint and timeoutSeconds are required");
  }
  return work;
}

std::vector<std::pair<std::string, std::string>> run_environment(const ModelRun& run) {
  return {{kEnvRunId, run.meta.uid},
          {kEnvProject, run.spec.project},
          {kEnvCommit, run.status.commit_sha},
          {kEnvScope, run.spec.scope == Scope::kProject ? "project" : "model"},
          {kEnvEntryPoint, run.spec.entry_point()}};
}

}  // namespace modelrun::api
