// Opens a path below a directory without leaving that directory and without following symbolic links.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::sandbox {

// Opens `path` relative to the directory `root`, which stays the caller's. `path` must be relative and must not contain
// "..". `flags` and `mode` are those of openat(2); O_CLOEXEC is added, and `mode` must be 0 unless `flags` has O_CREAT.
// Mount points below `root` are crossed.
//
// Uses openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS. Where openat2 is missing (ENOSYS) or forbidden
// (EPERM), it opens one path component after the other with openat(2) and O_NOFOLLOW. Fails with the errno of the
// system call, as errno_error() maps it: kNotFound for a path that does not exist, kInternal for a symbolic link
// (ELOOP or ENOTDIR).
Result<UniqueFd> open_beneath(int root, const std::string& path, int flags, mode_t mode = 0);

}  // namespace modelrun::sandbox
