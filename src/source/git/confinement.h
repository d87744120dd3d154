// Limits what a git process may do to this machine. The limits are applied in the child process between fork and
// execve, in the order below. If a step fails, the process must end without running git.
//
//   1 no_new_privs.
//   2 Landlock. The process may read and execute the programs and libraries of the system, and the few paths
//     of /etc and /dev that they need (loader cache, TLS roots, name resolution; the list is kSystemPaths in
//     confinement.cc). It may read and write, but not execute, the files of its own scratch directory, and may read
//     the paths of ConfinementSpec::readable. /dev/null can be read and written. Nothing else of the file system is
//     accessible: not the operator's service-account token, not /proc, not the scratch directories and archives of
//     others. From ABI 4 on it may make TCP connections only to the port of the URL, and may not bind TCP ports. From
//     ABI 6 on it may neither signal the operator nor connect to the operator's abstract Unix sockets. A process under
//     Landlock cannot ptrace one that is not.
//   3 seccomp. Denied are ptrace, process_vm_*, pidfd_getfd, the kernel keyring, bpf, io_uring, userfaultfd, perf,
//     mounts and namespaces, signals to any process, new sessions, and a few more calls. Sockets may only be of AF_INET
//     and AF_INET6, and commands that need no network can make none: so git cannot reach the socket of modelrun-source
//     (server.h) either. The filter is a list of denials, because git and curl need too many system calls for a list of
//     permissions: it reduces the kernel's attack surface but does not close it.
//
// Not defended:
//   - A git process that is taken over can connect to any address on the allowed port, and can send UDP: Landlock
//     limits TCP ports, not addresses. Only git itself honours the pinned address (session.h).
//   - CPU and memory can be used up to the resource limits (process.h).
//   - Where the kernel has no Landlock, step 2 does not take place.
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
  // The directory that may be read and written, with everything below it. It must exist.
  std::filesystem::path writable;
  // What may be read besides the paths of the system. A path that does not exist is ignored.
  std::vector<std::filesystem::path> readable;
  // The TCP port that the process may connect to. Without a value there is no network at all.
  std::optional<std::uint16_t> port;
  // If true, make() succeeds without Landlock when the kernel has none.
  bool landlock_optional = false;
};

// Made in the parent process and applied in the child. Immutable after make(); holds the descriptor of the Landlock
// ruleset, so that it must live until the child has called execve. Several children may use it, also at the same time.
// apply() of a default-constructed object fails.
class Confinement {
 public:
  // kUnavailable when the kernel has no Landlock and the spec does not make it optional. If a rule cannot be added,
  // e.g. because `writable` is missing, the error has the kind of its errno value.
  static Result<Confinement> make(const ConfinementSpec& spec);

  // Restricts the calling thread; called in the child after fork. Cannot be undone. Async-signal-safe. Returns null on
  // success, else the name of the step that failed, with the cause in errno.
  [[nodiscard]] const char* apply() const noexcept;
  [[nodiscard]] bool has_landlock() const { return static_cast<bool>(ruleset_); }

 private:
  UniqueFd ruleset_;
  std::vector<sock_filter> filter_;
};

}  // namespace modelrun::source
