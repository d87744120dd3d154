// The system calls of Landlock (landlock(7)), apart from what is allowed to whom. The sandbox confines models with
// them, and the operator confines git.
//
//   const int abi = landlock::abi();
//   landlock::Attributes denied = landlock::everything(abi);
//   Result<UniqueFd> ruleset = landlock::create(denied, abi);
//   landlock::allow_path(ruleset->get(), "/usr", landlock::kRead, false);
//   if (!landlock::restrict_self(ruleset->get())) ...  // errno says why
//
// All constants are defined here because the kernel headers of a build machine may be older than the kernels of the
// nodes. Their values are those of linux/landlock.h.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::landlock {

inline constexpr std::uint64_t kExecute = 1U << 0U;
inline constexpr std::uint64_t kWriteFile = 1U << 1U;
inline constexpr std::uint64_t kReadFile = 1U << 2U;
inline constexpr std::uint64_t kReadDir = 1U << 3U;
inline constexpr std::uint64_t kMakeChar = 1U << 6U;
inline constexpr std::uint64_t kMakeBlock = 1U << 11U;
inline constexpr std::uint64_t kRefer = 1U << 13U;     // ABI 2
inline constexpr std::uint64_t kTruncate = 1U << 14U;  // ABI 3
inline constexpr std::uint64_t kIoctlDev = 1U << 15U;  // ABI 5
inline constexpr std::uint64_t kRead = kExecute | kReadFile | kReadDir;
inline constexpr std::uint64_t kNetBindTcp = 1U << 0U;  // ABI 4
inline constexpr std::uint64_t kNetConnectTcp = 1U << 1U;
inline constexpr std::uint64_t kScopeAbstractSocket = 1U << 0U;  // ABI 6
inline constexpr std::uint64_t kScopeSignal = 1U << 1U;

// The attribute of landlock_create_ruleset(2): the access that is denied unless a rule grants it.
struct Attributes {
  std::uint64_t handled_fs = 0;
  std::uint64_t handled_net = 0;
  std::uint64_t scoped = 0;
};

// The kernel's Landlock ABI version; 0 when the kernel has no Landlock or it is disabled.
int abi();

// All that version `abi` (at least 1) can deny. Pure.
Attributes everything(int abi);

// Bytes of Attributes that version `abi` knows: an older kernel refuses more. Pure.
std::size_t attribute_size(int abi);

// A ruleset without rules. Fails with the errno as errno_error() maps it.
Result<UniqueFd> create(const Attributes& denied, int abi);

// Allows `access` to `path` and to everything below it; on a path that is no directory, only the rights that a file can
// have. Unless `must_exist`, a path that does not exist or cannot be reached is skipped: it stays denied. `access` must
// be among the `handled_fs` of the ruleset. Fails with the errno as errno_error() maps it.
Result<void> allow_path(int ruleset, const std::string& path, std::uint64_t access, bool must_exist);

// Allows connections to this TCP port. REQUIRES: ABI 4, and kNetConnectTcp is denied.
Result<void> allow_connect(int ruleset, std::uint16_t port);

// Confines the calling thread and its future children, irrevocably. The caller must have set no_new_privs. Returns
// false with errno set when the kernel refuses. Async-signal-safe.
bool restrict_self(int ruleset) noexcept;

}  // namespace modelrun::landlock
