// What the model's processes may ask of the kernel. Two BPF programs; the kernel obeys the stricter verdict of the two:
//   allow   an allowlist of system calls, some only with certain arguments. What is not on it is EPERM, what C
//   libraries
//           probe for and can do without is ENOSYS, another architecture's or x32's numbers kill the process.
//   guard   everything, except calls on the allowlist that are aimed at PID 1, make namespaces, or take over signals.
// Arguments that the kernel takes as 32 bits are compared in their low 32 bits only: kill(2^32 + 1) is kill(1).
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

// Takes about a millisecond: done while waiting, before the fork.
Result<SeccompPolicy> build_seccomp_policy();

// Confines this process and its children. REQUIRES: no_new_privs is set, one thread. After it only the model's calls
// work.
Result<void> apply_seccomp_policy(const SeccompPolicy& policy);

}  // namespace modelrun::sandbox
