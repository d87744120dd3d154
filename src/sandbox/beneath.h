// Opening a path below a directory without ever leaving it or following a link.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::sandbox {

// `path` is relative, without "..". Uses openat2 (RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS); on kernels without it, one
// openat with O_NOFOLLOW a component. O_CLOEXEC is added. errno_error on failure: ELOOP or ENOTDIR for a link.
Result<UniqueFd> open_beneath(int root, const std::string& path, int flags, mode_t mode = 0);

}  // namespace modelrun::sandbox
