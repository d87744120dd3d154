#include "controller/resources/config_map.h"

#include <utility>

#include "controller/resources/owner.h"

namespace modelrun::controller {
namespace {

using nlohmann::json;

json map_of(const api::ModelRun& run, const std::string& name, json owners) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", name},
            {"namespace", run.meta.namespace_},
            {"labels", {{api::kLabelRunUid, run.meta.uid}, {"app.kubernetes.io/managed-by", "modelrun"}}},
            {"ownerReferences", std::move(owners)}}},
          {"immutable", true}};
}

json own_map(const api::ModelRun& run, const std::string& name) {
  return map_of(run, name, owned_by(api::kApiVersion, "ModelRun", run.meta));
}

}  // namespace

json build_parameters(const api::ModelRun& run, const std::string& job_uid) {
  api::ObjectMeta job;
  job.name = run.status.job_name;
  job.uid = job_uid;
  json map = map_of(run, job.name, owned_by("batch/v1", "Job", job));
  map["data"]["parameters.json"] = run.spec.parameters ? run.spec.parameters->text() : "{}";
  return map;
}

json build_result_part(const api::ModelRun& run, const std::string& name, const std::string& part) {
  json map = own_map(run, name);
  map["binaryData"]["result.json.gz"] = part;
  return map;
}

json build_points(const api::ModelRun& run, const std::string& name, const std::string& key, const std::string& value) {
  json map = own_map(run, name);
  map.erase("immutable");
  map["binaryData"][key] = value;
  return map;
}

}  // namespace modelrun::controller
