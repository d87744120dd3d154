#include "cloudevents/event.h"

#include <cassert>

#include "api/json_access.h"
#include "api/reason.h"
#include "base/printable.h"

namespace modelrun::cloudevents {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTextBytes = 256;  // the longest name that Kubernetes has is 253

std::string shown(const std::string& text) {
  return printable(text, kMaxTextBytes);
}

void put(json& object, const char* name, const std::string& text) {
  api::put_text(object, name, shown(text));
}

// Adds the labels in the order of their names, until there is no room.
void put_labels(json& data, const std::map<std::string, std::string>& labels) {
  std::size_t room = kMaxLabelBytes;
  for (const auto& [name, value] : labels) {
    if (name.size() + value.size() > room) {
      data["labelsTruncated"] = true;
      return;
    }
    room -= name.size() + value.size();
    data["labels"][name] = value;
  }
}

void put_times(json& data, const api::ModelRun& run) {
  const auto& status = run.status;
  data["createdAt"] = format_rfc3339(run.meta.creation);
  api::put_time(data, "startedAt", status.started_at);
  api::put_time(data, "finishedAt", status.finished_at);
  if (status.started_at && status.finished_at) {
    data["durationSeconds"] = std::chrono::duration<double>(*status.finished_at - *status.started_at).count();
  }
}

json data_of(const api::ModelRun& run) {
  const auto& status = run.status;
  json data = {{"namespace", shown(run.meta.namespace_)},
               {"name", shown(run.meta.name)},
               {"uid", shown(run.meta.uid)},
               {"project", shown(run.spec.project)},
               {"phase", to_string(status.phase)},
               {"reason", shown(status.error ? status.error->reason : std::string(api::reason::kSucceeded))},
               {"exitCode", status.exit_code ? json(*status.exit_code) : json(nullptr)},
               {"attempts", status.attempts}};
  put(data, "modelName", run.spec.model_name);
  put(data, "commitSHA", status.commit_sha);
  put(data, "branch", status.branch);
  if (status.run_number > 0) data["runNumber"] = status.run_number;
  if (const auto& from = status.reused_from) {
    data["reusedFrom"] = {{"name", shown(from->name)}, {"uid", shown(from->uid)}};
  }
  if (run.meta.owner_kind == "ModelSweep") put(data, "sweep", run.meta.owner_name);
  if (const auto& points = status.points) {
    data["points"] = {{"total", points->total}, {"succeeded", points->succeeded}, {"failed", points->failed}};
  }
  put_times(data, run);
  put_labels(data, run.labels);
  return data;
}

}  // namespace

std::string_view type_of(api::Phase phase) {
  switch (phase) {
    case api::Phase::kSucceeded:
      return "dev.modelrun.run.succeeded";
    case api::Phase::kTimedOut:
      return "dev.modelrun.run.timedout";
    case api::Phase::kCancelled:
      return "dev.modelrun.run.cancelled";
    default:
      return "dev.modelrun.run.failed";
  }
}

Event run_end(const api::ModelRun& run, std::string_view source) {
  assert(api::is_final(run.status.phase));
  Event event{.id = "end-" + shown(run.meta.uid), .body = {}};
  json object = {{"specversion", "1.0"},
                 {"id", event.id},
                 {"source", fmt::format("{}/namespaces/{}", source, shown(run.meta.namespace_))},
                 {"type", type_of(run.status.phase)},
                 {"subject", shown(run.meta.name)},
                 {"datacontenttype", "application/json"},
                 {"data", data_of(run)}};
  api::put_time(object, "time", run.status.timeline.recorded);
  if (run.trace) object["traceparent"] = api::format_traceparent(*run.trace);
  event.body = api::json_text(object);
  return event;
}

}  // namespace modelrun::cloudevents
