// What the API server refuses. Pure.
#pragma once

#include <string>

#include "base/error.h"

namespace modelrun::kube {

// True if the API server refuses the object as it is, for example for a quota, by an admission plugin or for missing
// rights. The same request will be refused again until somebody changes something.
[[nodiscard]] constexpr bool is_refusal(ErrorKind kind) {
  return kind == ErrorKind::kDenied || kind == ErrorKind::kInvalid || kind == ErrorKind::kTooLarge;
}

// Shortens the message of an error with kind kInvalid that the API server's validation caused. For example
// 'create modelruns x/y: 422 Invalid: ModelRun.modelrun.dev "y" is invalid: spec.branch: Invalid value: ...:
// SENTENCE' becomes 'the API server refused the run: spec.branch: SENTENCE'. Any other error is returned unchanged.
Error plain_refusal(const Error& error);

}  // namespace modelrun::kube
