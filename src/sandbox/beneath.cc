#include "sandbox/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>

namespace modelrun::sandbox {
namespace {

// Opens the path without openat2(2), one component after the other.
Result<UniqueFd> walk(int root, const std::string& path, int flags, mode_t mode) {
  UniqueFd directory;
  std::size_t from = 0;
  while (true) {
    const std::size_t slash = path.find('/', from);
    const std::string part = path.substr(from, slash == std::string::npos ? slash : slash - from);
    if (part == "..") return fail(ErrorKind::kInvalid, "open {}: leaves the directory", path);
    const bool last = slash == std::string::npos;
    const int wanted = last ? flags | O_NOFOLLOW | O_CLOEXEC : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    UniqueFd next(::openat(directory ? directory.get() : root, part.c_str(), wanted, mode));
    if (!next) return std::unexpected(errno_error("open " + path, errno));
    if (last) return next;
    directory = std::move(next);
    from = slash + 1;
  }
}

}  // namespace

Result<UniqueFd> open_beneath(int root, const std::string& path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
  if (fd) return fd;
  // ENOSYS: Linux before 5.6. EPERM: a seccomp profile of the container runtime that does not know openat2.
  if (errno == ENOSYS || errno == EPERM) return walk(root, path, flags, mode);
  return std::unexpected(errno_error("open " + path, errno));
}

}  // namespace modelrun::sandbox
