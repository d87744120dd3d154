// The names on the allowlist. Names that this architecture does not have are passed over.
#pragma once

#include <span>

namespace modelrun::sandbox {

// Allowed whatever their arguments.
std::span<const char* const> allowed_syscalls();
// Answered with ENOSYS instead of EPERM: C libraries and runtimes fall back to an older call.
std::span<const char* const> absent_syscalls();

}  // namespace modelrun::sandbox
