// Says when a run may use the result of another run (spec.reuse). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/model_project.h"
#include "api/model_run.h"
#include "controller/run/settings.h"

namespace modelrun::controller {

// The image reference for the project's models: the project's own, or the operator's default.
std::string image_of(const api::ModelProject& project, const Settings& settings);

// Returns "sha256:<hex>", a digest of all known facts that the result of a run may depend on: namespace, UID and
// generation of the project, the versions of the Secrets in the environment, commit, entry point, parameters, image
// reference, data.snapshotRef and time limit. Runs with equal digests are called identical. `secrets` maps the name
// of each Secret to its version; see check_env_secrets().
//
// Returns an empty string if the project has data but no data.snapshotRef: the data may change without any trace.
std::string identity_of(const api::ModelRun& run, const api::ModelProject& project, const std::string& commit,
                        const std::map<std::string, std::string>& secrets, const Settings& settings);

// What a run may do with another run.
enum class Use {
  kNone,  // nothing
  kWait,  // the other run is under way: wait for its result
  kTake,  // the other run has ended: take its result
};
// Returns what a run with this identity and this spec.reuse may do with `other`. Only kJoin ever gives kWait. A
// success is taken with kJoin and kReuse. A failure is taken only with kJoin, where the run has waited for it, and
// only if an identical run would fail in the same way.
//
// A run that is not admitted has no status.identity yet. It gives kWait for kJoin, so the caller must know from
// elsewhere that it is identical; see leads.h.
Use use_of(const api::ModelRun& other, std::string_view identity, api::Reuse wish);

}  // namespace modelrun::controller
