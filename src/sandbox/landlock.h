// The Landlock ring of the sandbox (landlock(7)). It limits what the model's processes may do to files, whatever the
// mounts allow: read and execute in the directories of the image and of the run, write only in the directories for
// outputs, temporary files, upstream files and shared memory, and to five devices. Of /dev nothing else is granted.
// /proc may be read, as far as its own permissions go, and of /sys what runtimes read of the machine. Where the kernel
// supports it, the ring also forbids binding and connecting TCP sockets (ABI 4), and abstract unix sockets and signals
// to processes outside the sandbox (ABI 6).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/landlock.h"
#include "sandbox/layout.h"

namespace modelrun::sandbox {

// What to do on a kernel without Landlock: fail, or run without this ring.
enum class LandlockMode { kRequired, kOptional };
// Parses "required" or "optional". Fails with kInvalid for anything else. Pure.
Result<LandlockMode> parse_landlock_mode(std::string_view text);

// What is denied to the model's processes, and what is granted all the same.
struct LandlockRules {
  landlock::Attributes denied;

  // Allows `access` to `path` and to everything below it.
  struct Grant {
    std::string path;
    std::uint64_t access = 0;
    bool must_exist = false;  // false: the grant is skipped when `path` does not exist
  };
  std::vector<Grant> grants;
};

// Returns the entries of the root directory `root` but dev, proc and sys, sorted: the directories of the image, and
// what is mounted for the run. Symbolic links are left out: what they lead to is granted by its own name or not at all.
// When the directory cannot be read, what was read until then.
std::vector<std::string> image_roots(const std::string& root = "/");

// Returns the rules for ABI version `abi`, which must be at least 1; `roots` may be read. Pure.
LandlockRules landlock_rules(int abi, const Layout& layout, const std::vector<std::string>& roots);

// Creates a ruleset for this kernel, for apply_landlock(). Returns an empty descriptor when the kernel has no
// Landlock and `mode` is kOptional. Fails with kUnavailable when it has none and `mode` is kRequired; with the errno
// as errno_error() maps it when a path that must exist does not, or when a system call fails.
Result<UniqueFd> make_landlock_ruleset(LandlockMode mode, const Layout& layout);

// Confines the calling thread and its future children, irrevocably. The caller must have set no_new_privs, and the
// process must have one thread. `ruleset` stays the caller's; if it is negative, the call does nothing and succeeds.
Result<void> apply_landlock(int ruleset);

}  // namespace modelrun::sandbox
