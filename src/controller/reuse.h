// When one run's result is another's (spec.reuse). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/model_project.h"
#include "api/model_run.h"
#include "controller/settings.h"

namespace modelrun::controller {

// The image as it is asked for: the project's, or the operator's default.
std::string image_of(const api::ModelProject& project, const Settings& settings);

// "sha256:<hex>" of all that the result of a run may depend on, as far as it is known: namespace, project with its
// generation, versions of the Secrets in the environment (by name), commit, entry point, parameters, image reference,
// data snapshot, time-out. Empty when the project has data and no snapshotRef: what stands in it may change unseen.
std::string identity_of(const api::ModelRun& run, const api::ModelProject& project, const std::string& commit,
                        const std::map<std::string, std::string>& secrets, const Settings& settings);

// What `other` is good for, to a run of this identity.
enum class Use {
  kNone,
  kWait,  // it is under way, and its result is to be waited for
  kTake,  // it has ended, and its result is to be taken
};
// For kJoin, a run that has ended is one that was waited for: also a failure that would come again is taken then. An
// `other` that is not admitted has said nothing of its identity yet: kWait.
Use use_of(const api::ModelRun& other, std::string_view identity, api::Reuse wish);

}  // namespace modelrun::controller
