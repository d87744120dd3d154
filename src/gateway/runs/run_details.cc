#include "gateway/runs/run_details.h"

#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

json timeline_of(const api::Timeline& timeline) {
  return {{"accepted", time_or_null(timeline.accepted)},       {"resumed", time_or_null(timeline.resumed)},
          {"resolved", time_or_null(timeline.resolved)},       {"queued", time_or_null(timeline.queued)},
          {"job_created", time_or_null(timeline.job_created)}, {"job_resumed", time_or_null(timeline.job_resumed)},
          {"adopted", time_or_null(timeline.adopted)},         {"scheduled", time_or_null(timeline.scheduled)},
          {"started", time_or_null(timeline.started)},         {"finished", time_or_null(timeline.finished)},
          {"recorded", time_or_null(timeline.recorded)}};
}

json provenance_of(const api::ModelRunStatus& status) {
  const auto& provenance = status.provenance;
  return {{"image", or_null(provenance.image)},
          {"image_id", or_null(provenance.image_id)},
          {"source_digest", or_null(provenance.source_digest)},
          {"parameters_digest", or_null(provenance.parameters_digest)},
          {"outputs_digest", or_null(provenance.outputs_digest)},
          {"start", or_null(provenance.start)},
          {"cold_reason", or_null(provenance.cold_reason)},
          {"data_snapshot_ref", or_null(status.data_snapshot_ref)}};
}

json artifacts_of(const std::vector<api::ArtifactStatus>& artifacts) {
  json list = json::array();
  for (const auto& each : artifacts) {
    list.push_back({{"name", each.name},
                    {"size_bytes", each.size},
                    {"sha256", each.sha256},
                    {"media_type", or_null(each.media_type)},
                    {"stored", each.stored}});
  }
  return list;
}

json reused_from(const api::ModelRunStatus& status) {
  const auto& from = status.reused_from;
  if (!from) return nullptr;
  return {{"run_id", from->uid}, {"name", from->name}, {"run_number", number_or_null(from->run_number)}};
}

}  // namespace

json detail_fields(const api::ModelRun& run, const api::ResultFrame* frame, std::string_view project) {
  const auto& status = run.status;
  json fields = sync_fields(run, frame, project);
  fields.erase("project");
  fields.erase("data_snapshot_ref");  // provenance has it
  fields["branch"] = or_null(status.branch.empty() ? run.spec.branch : status.branch);
  fields["error"] =
      status.error ? json{{"reason", status.error->reason}, {"message", status.error->message}} : json(nullptr);
  fields.update(json{
      {"project_name", project},
      {"namespace", run.meta.namespace_},
      {"name", run.meta.name},
      {"run_number", number_or_null(status.run_number)},
      {"model_name", or_null(run.spec.scope == api::Scope::kModel ? run.spec.model_name : "")},
      {"parameters", run.spec.parameters ? run.spec.parameters->parse() : json()},
      {"created_by", or_null(run.created_by)},
      {"requested_by", or_null(run.requested_by)},
      {"created_at", iso_time(run.meta.creation)},
      {"started_at", time_or_null(status.started_at)},
      {"finished_at", time_or_null(status.finished_at)},
      {"cancelling", run.spec.cancel && !api::is_final(status.phase)},
      {"message", or_null(status.message)},
      {"warning", or_null(status.warning)},
      {"attempts", status.attempts},
      {"reused_from", reused_from(status)},
      {"node_name", or_null(status.node_name)},
      {"timeline", timeline_of(status.timeline)},
      {"provenance", provenance_of(status)},
      {"artifacts", artifacts_of(status.artifacts)},
  });
  return fields;
}

}  // namespace modelrun::gateway
