// The names of the system calls that the seccomp policy allows or reports as missing. The policy skips a name that this
// architecture does not have. `modelrun-sandbox system-calls` prints them.
#pragma once

#include <span>

namespace modelrun::sandbox {

// Calls that the allowlist allows with any arguments (the guard still denies some arguments).
std::span<const char* const> allowed_syscalls();
// Calls that the allowlist allows with certain arguments only; seccomp_policy.cc says which.
std::span<const char* const> conditional_syscalls();
// Calls that fail with ENOSYS instead of EPERM, so that C libraries and language runtimes fall back to an older call.
std::span<const char* const> absent_syscalls();

}  // namespace modelrun::sandbox
