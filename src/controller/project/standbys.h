// Decides about a project's standbys (api/standby.h). Pure.
#pragma once

#include "api/model_project.h"
#include "base/clock.h"
#include "controller/project/observed.h"
#include "controller/project/plan.h"

namespace modelrun::controller {

// Adds to `plan` which standbys are made and which are deleted, and sets what `status` says of them: status.warm and
// the condition WarmPoolHealthy. Without observed.pool nothing is made or deleted, and the project is looked at again;
// the condition then says observed.pool_trouble, if there is any. A standby is kept while it has the present settings,
// is younger than warm.maxAgeSeconds and has not ended; there are never more than warm.sandboxes.
void plan_standbys(const ProjectObserved& observed, ProjectPlan& plan, api::ModelProjectStatus& status, Time now);

}  // namespace modelrun::controller
