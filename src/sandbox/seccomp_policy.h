// The seccomp ring of the sandbox: which system calls the model's processes may make. It consists of two BPF
// programs. The kernel runs both for each call and obeys the stricter verdict (seccomp(2)).
//   allow  An allowlist of system calls, some of them only with certain arguments. A call that is not on it fails with
//          EPERM. A call that C libraries probe for and can do without fails with ENOSYS, and an ioctl that clones
//          files with EOPNOTSUPP. A call with the number of another architecture or of x32 kills the process.
//   guard  Allows everything except calls of the allowlist with arguments that aim at PID 1, create namespaces or
//          foreign children, redirect signals of asynchronous I/O, or reach parts of the kernel that no library needs
//          (out-of-band data, leases, merging of pages), and changes of RLIMIT_CORE. Those fail with EPERM.
// An argument that the kernel reads as 32 bits is compared in its low 32 bits only: otherwise kill(2^32 + 1), which to
// the kernel is kill(1), would pass.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/error.h"

namespace modelrun::sandbox {

using BpfProgram = std::vector<sock_filter>;

struct SeccompPolicy {
  BpfProgram allow;
  BpfProgram guard;
};

// Builds both programs. Takes about a millisecond, so callers do it before the fork, while they wait for the source.
// Fails with the errno as errno_error() maps it, or with kInternal.
Result<SeccompPolicy> build_seccomp_policy();

// Confines the calling thread and its future children, irrevocably: afterwards only the system calls of the policy
// work. The caller must have set no_new_privs, and the process must have one thread. Fails with the errno as
// errno_error() maps it; the thread may then be confined by the guard alone.
Result<void> apply_seccomp_policy(const SeccompPolicy& policy);

}  // namespace modelrun::sandbox
