#include "controller/resources/sweep_objects.h"

#include "controller/resources/owner.h"

namespace modelrun::controller {
namespace {

using nlohmann::json;

json owned_by_sweep(const api::ModelSweep& sweep, const std::string& name) {
  return {{"name", name},
          {"namespace", sweep.meta.namespace_},
          {"labels", {{api::kLabelSweepUid, sweep.meta.uid}}},
          {"ownerReferences", owned_by(api::kApiVersion, "ModelSweep", sweep.meta)}};
}

json run_spec(const api::ModelSweepSpec& sweep, const sweep::Points& points, const MakeSweepRun& make) {
  json spec = {{"project", sweep.project},
               {"scope", sweep.scope == api::Scope::kModel ? "model" : "project"},
               {"points", sweep::points_json(points, make.first, make.count)},
               {"pointTimeoutSeconds", make.point_timeout},
               {"timeoutSeconds", make.timeout}};
  if (!sweep.model_name.empty()) spec["modelName"] = sweep.model_name;
  if (!make.commit.empty()) {
    spec["commitSHA"] = make.commit;
  } else if (!sweep.branch.empty()) {
    spec["branch"] = sweep.branch;
  }
  if (sweep.limits.max_failed_points) spec["maxFailedPoints"] = *sweep.limits.max_failed_points;
  return spec;
}

}  // namespace

json build_sweep_run(const api::ModelSweep& sweep, const sweep::Points& points, const MakeSweepRun& make,
                     const Settings& settings) {
  json metadata = owned_by_sweep(sweep, make.name);
  for (const auto& [name, value] : sweep.labels) {
    if (settings.propagated_labels.contains(name)) metadata["labels"][name] = value;
  }
  metadata["annotations"] = {{api::kAnnotationSweep, sweep.meta.name},
                             {api::kAnnotationFirstPoint, std::to_string(make.first)}};
  // The runs belong to the trace of whoever asked for the sweep.
  if (sweep.trace) metadata["annotations"][api::kAnnotationTraceparent] = api::format_traceparent(*sweep.trace);
  return {{"apiVersion", api::kApiVersion},
          {"kind", "ModelRun"},
          {"metadata", std::move(metadata)},
          {"spec", run_spec(sweep.spec, points, make)}};
}

json build_table_part(const api::ModelSweep& sweep, const std::string& name, const std::string& part) {
  json metadata = owned_by_sweep(sweep, name);
  metadata["labels"][api::kLabelManagedBy] = api::kManagedByOperator;
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", std::move(metadata)},
          {"immutable", true},
          {"binaryData", {{"table.jsonl.gz", part}}}};
}

}  // namespace modelrun::controller
