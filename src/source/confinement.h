// What a git process may do to this machine, put up between fork and execve. In order, each step or the process ends:
//
//   1 no_new_privs
//   2 Landlock: read and execute the system's programs and libraries (/usr, the loader's cache, TLS roots); read and
//   write the
//     command's own scratch directory; nothing else: not the operator's service-account token, its /proc, the archives
//     of others. From ABI 4 on TCP connections only to the port of the URL, from ABI 6 on no signal to, and no abstract
//     socket of, the operator. A landlocked process cannot ptrace one that is not.
//   3 seccomp: no ptrace, process_vm_*, pidfd_getfd, keyring, bpf, io_uring, userfaultfd, perf, mounts or namespaces;
//   sockets
//     of AF_INET, AF_INET6 and AF_UNIX only, and only AF_UNIX for commands that need no network. A list of denials (git
//     and curl are large): it narrows the kernel's surface, it does not close it.
//
// Not defended: what git may do with the network on the allowed port before the pin (see git.h), CPU and memory up to
// the rlimits, and everything of step 2 where the kernel has no Landlock.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::source {

struct ConfinementSpec {
  std::filesystem::path writable;
  std::vector<std::filesystem::path> readable;  // besides the system's
  // The TCP port that may be connected to; nothing: no network at all.
  std::optional<std::uint16_t> port;
  bool landlock_optional = false;
};

// Made in the parent, applied in the child. Immutable once made.
class Confinement {
 public:
  // kUnavailable when the kernel has no Landlock and the spec does not make it optional.
  static Result<Confinement> make(const ConfinementSpec& spec);

  // In the child, after fork. Async-signal-safe. The name of the step that failed (errno says why), or null.
  [[nodiscard]] const char* apply() const noexcept;
  [[nodiscard]] bool has_landlock() const { return static_cast<bool>(ruleset_); }

 private:
  UniqueFd ruleset_;
  std::vector<sock_filter> filter_;
};

}  // namespace modelrun::source
