#include "controller/resources/config_map.h"

namespace modelrun::controller {
namespace {

using nlohmann::json;

struct Owner {
  std::string_view api_version;
  std::string_view kind;
  std::string_view name;
  std::string_view uid;
};

json owned_map(const api::ModelRun& run, const std::string& name, const Owner& owner) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", name},
            {"namespace", run.meta.namespace_},
            {"labels", {{api::kLabelRunUid, run.meta.uid}, {"app.kubernetes.io/managed-by", "modelrun"}}},
            {"ownerReferences",
             {{{"apiVersion", owner.api_version},
               {"kind", owner.kind},
               {"name", owner.name},
               {"uid", owner.uid},
               {"controller", true},
               {"blockOwnerDeletion", false}}}}}},
          {"immutable", true}};
}

}  // namespace

json build_parameters(const api::ModelRun& run, const std::string& job_uid) {
  json map = owned_map(run, run.status.job_name, {"batch/v1", "Job", run.status.job_name, job_uid});
  map["data"]["parameters.json"] = run.spec.parameters ? run.spec.parameters->text() : "{}";
  return map;
}

json build_result_part(const api::ModelRun& run, const std::string& name, const std::string& part) {
  json map = owned_map(run, name, {api::kApiVersion, "ModelRun", run.meta.name, run.meta.uid});
  map["binaryData"]["result.json.gz"] = part;
  return map;
}

}  // namespace modelrun::controller
