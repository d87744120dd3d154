// Starts the model's process inside its rings: an ordered list of named steps between fork and execve. It fails closed:
// a step that fails ends the child, and its name and reason come back; the model's code has then not run.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/seccomp_policy.h"

namespace modelrun::sandbox {

struct LaunchPlan {
  std::vector<std::string> argv;         // argv[0] is looked for in the PATH of `environment`
  std::vector<std::string> environment;  // NAME=value
  std::string directory;
  int stdout_fd = -1;
  int stderr_fd = -1;
  int landlock_ruleset = -1;  // -1: the kernel has none and it is optional
  SeccompPolicy seccomp;
};

// The child's pid once its execve has succeeded. The plan's descriptors stay the caller's. REQUIRES: one thread.
Result<pid_t> launch(const LaunchPlan& plan);

// The names of the steps, in their order.
std::vector<std::string_view> launch_steps();

}  // namespace modelrun::sandbox
