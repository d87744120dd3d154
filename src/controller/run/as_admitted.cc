#include "controller/run/as_admitted.h"

#include <utility>

namespace modelrun::controller {

std::shared_ptr<const api::ModelProject> as_admitted(const api::ModelRun& run,
                                                     std::shared_ptr<const api::ModelProject> present) {
  const auto& status = run.status;
  // A suspended run has no Job name. It is admitted anew, with the present settings, when it is resumed.
  if (status.job_name.empty() || !status.project_spec) return present;
  return std::make_shared<const api::ModelProject>(
      api::decode_model_project({{"metadata",
                                  {{"name", run.spec.project},
                                   {"namespace", run.meta.namespace_},
                                   {"uid", status.project_uid},
                                   {"generation", status.project_generation}}},
                                 {"spec", status.project_spec->parse()}}));
}

}  // namespace modelrun::controller
