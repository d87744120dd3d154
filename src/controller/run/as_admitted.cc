#include "controller/run/as_admitted.h"

#include <utility>

namespace modelrun::controller {

std::shared_ptr<const api::ModelProject> as_admitted(const api::ModelRun& run,
                                                     std::shared_ptr<const api::ModelProject> present) {
  const auto& status = run.status;
  // A suspended run has no Job name. It is admitted anew, with the present settings, when it is resumed.
  if (status.job_name.empty() || !status.project_spec) return present;
  api::ModelProject recorded;
  if (present && present->run_settings == status.project_spec) {
    // The same text, which need not be decoded again in each pass over the run.
    recorded = *present;
    recorded.history = {};
    recorded.suspend = false;
    recorded.status = {};
    recorded.meta = {};
  } else {
    recorded = api::decode_model_project({{"spec", status.project_spec->parse()}});
  }
  recorded.meta.name = run.spec.project;
  recorded.meta.namespace_ = run.meta.namespace_;
  recorded.meta.uid = status.project_uid;
  recorded.meta.generation = status.project_generation;
  return std::make_shared<const api::ModelProject>(std::move(recorded));
}

}  // namespace modelrun::controller
