// Starts the model's process inside the sandbox. Between fork and execve the child goes through an ordered list of
// named steps that prepare and confine it. The launch fails closed: a step that fails ends the child before any of
// the model's code has run, and the caller gets the step's name and the reason.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/seccomp_policy.h"

namespace modelrun::sandbox {

// The limit RLIMIT_CORE of the model and of `exec`. With 0 the kernel still starts the handler of a core_pattern that
// begins with '|', as root and outside the container, and gives it the core; with 1 it gives up (core(5)).
inline constexpr unsigned long kNoCore = 1;

struct LaunchPlan {
  std::vector<std::string> argv;         // argv[0] is searched for in the PATH of `environment`
  std::vector<std::string> environment;  // entries NAME=value
  std::string directory;                 // the working directory
  int stdin_fd = -1;                     // -1: the standard input is /dev/null
  int stdout_fd = -1;
  int stderr_fd = -1;
  int landlock_ruleset = -1;  // from make_landlock_ruleset(); -1 runs without Landlock
  SeccompPolicy seccomp;
};

// Starts the model and returns the child's pid. Blocks until the child's execve has succeeded or the child has failed.
// The process must have one thread. The plan's descriptors stay the caller's. The child leads a new session and process
// group.
//
// Fails with kInvalid when `argv` is empty, with kInternal when a step or the execve fails (the message is a sentence
// for the run's status), and with the errno as errno_error() maps it when the pipe or the fork fails. No child is
// left behind after a failure.
Result<pid_t> launch(const LaunchPlan& plan);

// Returns the names of the steps, in the order in which they run.
std::vector<std::string_view> launch_steps();

}  // namespace modelrun::sandbox
