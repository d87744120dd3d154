// What the API server says when it refuses a run, without the words around it. Pure.
#pragma once

#include <string>

#include "base/error.h"

namespace modelrun::kube {

// "create modelruns x/y: 422 Invalid: ModelRun.modelrun.dev \"y\" is invalid: spec.branch: Invalid value: ...:
// SENTENCE" becomes "the run was refused: spec.branch: SENTENCE"; an error of another form stays as it is.
Error plain_refusal(const Error& error);

}  // namespace modelrun::kube
