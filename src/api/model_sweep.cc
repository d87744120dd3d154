#include "api/model_sweep.h"

#include <array>
#include <utility>

#include "api/json_access.h"
#include "api/model_project.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

// Names with "sweep" in them, because the files of this library may be compiled together.
using SweepText = std::string ModelSweepStatus::*;
constexpr std::array<std::pair<const char*, SweepText>, 5> kSweepTexts{
    {{"branch", &ModelSweepStatus::branch},
     {"commitSHA", &ModelSweepStatus::commit_sha},
     {"message", &ModelSweepStatus::message},
     {"warning", &ModelSweepStatus::warning},
     {"projectUID", &ModelSweepStatus::project_uid}}};

using SummaryNumber = double OutputSummary::*;
constexpr std::array<std::pair<const char*, SummaryNumber>, 6> kSummaryNumbers{{{"mean", &OutputSummary::mean},
                                                                                {"min", &OutputSummary::min},
                                                                                {"p5", &OutputSummary::p5},
                                                                                {"p50", &OutputSummary::p50},
                                                                                {"p95", &OutputSummary::p95},
                                                                                {"max", &OutputSummary::max}}};

std::int64_t number_at(const json& object, std::string_view name) {
  return bounded_at(object, name, 0, kMaxSetting).value_or(0);
}

std::optional<double> double_at(const json& object, std::string_view name) {
  const auto& value = member(object, name);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::vector<std::string> strings_at(const json& object, std::string_view name) {
  std::vector<std::string> strings;
  const auto& array = member(object, name);
  if (!array.is_array()) return strings;
  for (const auto& item : array) {
    if (item.is_string()) strings.push_back(item.get<std::string>());
  }
  return strings;
}

// The member `name`, a list, with each element made by `decode`.
template <class Decode, class T = std::invoke_result_t<Decode, const json&>>
std::vector<T> list_at(const json& object, std::string_view name, Decode decode) {
  std::vector<T> list;
  const auto& array = member(object, name);
  if (!array.is_array()) return list;
  list.reserve(array.size());
  for (const auto& item : array) list.push_back(decode(item));
  return list;
}

void put_double(json& object, const char* name, const std::optional<double>& value) {
  if (value) object[name] = *value;
}

ModelSweepSpec decode_sweep_spec(const json& object) {
  ModelSweepSpec spec;
  spec.project = text_at(object, "project");
  spec.scope = text_at(object, "scope") == "model" ? Scope::kModel : Scope::kProject;
  spec.model_name = text_at(object, "modelName");
  spec.branch = text_at(object, "branch");
  spec.commit_sha = text_at(object, "commitSHA");
  spec.parameters = member(object, "parameters");
  spec.space = member(object, "space");
  spec.outputs = strings_at(object, "outputs");
  const auto& limits = member(object, "limits");
  spec.limits.parallelism = bounded_at(limits, "parallelism", 1, kMaxParallelism).value_or(kDefaultParallelism);
  spec.limits.timeout_seconds = bounded_at(limits, "timeoutSeconds", 1, kMaxSetting);
  spec.limits.max_failed_points = bounded_at(limits, "maxFailedPoints", 0, kMaxSetting);
  spec.cancel = bool_at(object, "cancel");
  spec.suspend = bool_at(object, "suspend");
  return spec;
}

SweepRunStatus decode_sweep_run(const json& object) {
  return {text_at(object, "name"), number_at(object, "first"), number_at(object, "count"),
          parse_phase(text_at(object, "phase"))};
}

OutputSummary decode_summary(const json& object) {
  OutputSummary summary;
  summary.output = text_at(object, "output");
  summary.count = number_at(object, "count");
  for (const auto& [name, field] : kSummaryNumbers) summary.*field = double_at(object, name).value_or(0);
  summary.stddev = double_at(object, "stddev");
  summary.min_point = number_at(object, "minPoint");
  summary.max_point = number_at(object, "maxPoint");
  return summary;
}

json encode_summary(const OutputSummary& summary) {
  json object = {{"output", summary.output},
                 {"count", summary.count},
                 {"minPoint", summary.min_point},
                 {"maxPoint", summary.max_point}};
  for (const auto& [name, field] : kSummaryNumbers) object[name] = summary.*field;
  put_double(object, "stddev", summary.stddev);
  return object;
}

OutputSensitivity decode_sensitivity(const json& object) {
  return {text_at(object, "output"),  text_at(object, "axis"),   text_at(object, "measure"),
          number_at(object, "count"), double_at(object, "low"),  double_at(object, "high"),
          text_at(object, "lowAt"),   text_at(object, "highAt"), double_at(object, "correlation")};
}

json encode_sensitivity(const OutputSensitivity& sensitivity) {
  json object = {{"output", sensitivity.output},
                 {"axis", sensitivity.axis},
                 {"measure", sensitivity.measure},
                 {"count", sensitivity.count}};
  put_double(object, "low", sensitivity.low);
  put_double(object, "high", sensitivity.high);
  put_text(object, "lowAt", sensitivity.low_at);
  put_text(object, "highAt", sensitivity.high_at);
  put_double(object, "correlation", sensitivity.correlation);
  return object;
}

std::optional<TableRef> decode_table_ref(const json& object) {
  if (!object.is_object()) return std::nullopt;
  return TableRef{strings_at(object, "configMaps"), text_at(object, "sha256"),
                  static_cast<std::uint64_t>(number_at(object, "bytes")), number_at(object, "rows")};
}

std::optional<SweepPoints> decode_sweep_points(const json& object) {
  if (!object.is_object()) return std::nullopt;
  return SweepPoints{number_at(object, "total"), number_at(object, "succeeded"), number_at(object, "failed"),
                     number_at(object, "running")};
}

ModelSweepStatus decode_sweep_status(const json& object) {
  ModelSweepStatus status;
  for (const auto& [name, field] : kSweepTexts) status.*field = text_at(object, name);
  status.observed_generation = int_at(object, "observedGeneration").value_or(-1);
  status.phase = parse_phase(text_at(object, "phase"));
  status.started_at = time_at(object, "startedAt");
  status.finished_at = time_at(object, "finishedAt");
  status.points = decode_sweep_points(member(object, "points"));
  status.runs = list_at(object, "runs", &decode_sweep_run);
  status.summary = list_at(object, "summary", &decode_summary);
  status.sensitivity = list_at(object, "sensitivity", &decode_sensitivity);
  status.table_ref = decode_table_ref(member(object, "tableRef"));
  if (const auto& error = member(object, "error"); error.is_object()) {
    status.error = RunError{text_at(error, "reason"), text_at(error, "message")};
  }
  status.conditions = decode_conditions(member(object, "conditions"));
  return status;
}

void put_points(json& object, const SweepPoints& points) {
  object["points"] = {
      {"total", points.total}, {"succeeded", points.succeeded}, {"failed", points.failed}, {"running", points.running}};
  object["progress"] = fmt::format("{}/{}", points.succeeded + points.failed, points.total);
}

}  // namespace

ModelSweep decode_model_sweep(const json& object) {
  return {decode_meta(object), decode_sweep_spec(member(object, "spec")), decode_sweep_status(member(object, "status")),
          texts_of(member(member(object, "metadata"), "labels")),
          parse_traceparent(text_at(member(member(object, "metadata"), "annotations"), kAnnotationTraceparent))};
}

json encode_status(const ModelSweepStatus& status) {
  json object = {{"observedGeneration", status.observed_generation}};
  for (const auto& [name, field] : kSweepTexts) put_text(object, name, status.*field);
  put_text(object, "phase", std::string(to_string(status.phase)));
  put_text(object, "commitShort", status.commit_sha.substr(0, 12));
  put_time(object, "startedAt", status.started_at);
  put_time(object, "finishedAt", status.finished_at);
  if (status.started_at && status.finished_at) {
    const double seconds = std::chrono::duration<double>(*status.finished_at - *status.started_at).count();
    object["durationSeconds"] = seconds;
    object["duration"] = fmt::format("{:.2f}s", seconds);
  }
  if (status.points) put_points(object, *status.points);
  for (const auto& run : status.runs) {
    json item = {{"name", run.name}, {"first", run.first}, {"count", run.count}};
    put_text(item, "phase", std::string(to_string(run.phase)));
    object["runs"].push_back(std::move(item));
  }
  for (const auto& summary : status.summary) object["summary"].push_back(encode_summary(summary));
  for (const auto& each : status.sensitivity) object["sensitivity"].push_back(encode_sensitivity(each));
  if (const auto& ref = status.table_ref) {
    object["tableRef"] = {{"configMaps", ref->config_maps},
                          {"sha256", ref->sha256},
                          {"bytes", ref->bytes},
                          {"encoding", "gzip+base64"},
                          {"rows", ref->rows}};
  }
  if (status.error) object["error"] = {{"reason", status.error->reason}, {"message", status.error->message}};
  object["conditions"] = encode_conditions(status.conditions);
  return object;
}

}  // namespace modelrun::api
