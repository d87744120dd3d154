// Makes the API server's refusal of a run readable for people. Pure.
#pragma once

#include <string>

#include "base/error.h"

namespace modelrun::kube {

// Shortens the message of an error with kind kInvalid that the API server's validation caused. For example
// 'create modelruns x/y: 422 Invalid: ModelRun.modelrun.dev "y" is invalid: spec.branch: Invalid value: ...:
// SENTENCE' becomes 'the API server refused the run: spec.branch: SENTENCE'. Any other error is returned unchanged.
Error plain_refusal(const Error& error);

}  // namespace modelrun::kube
