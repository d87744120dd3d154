#include "base/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace modelrun::landlock {
namespace {

constexpr std::uint64_t kAllV1 = (1U << 13U) - 1;  // kExecute to the making of symbolic links
// The rights that can be granted on something that is not a directory; the kernel refuses a rule with others (EINVAL).
constexpr std::uint64_t kFileRights = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;

constexpr int kCreateRuleset = 444;
constexpr int kAddRule = 445;
constexpr int kRestrictSelf = 446;
constexpr unsigned kVersionFlag = 1;
constexpr int kRulePathBeneath = 1;
constexpr int kRuleNetPort = 2;

struct [[gnu::packed]] PathAttribute {
  std::uint64_t allowed;
  std::int32_t parent_fd;
};

struct PortAttribute {
  std::uint64_t allowed;
  std::uint64_t port;
};

}  // namespace

int abi() {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kVersionFlag);
  return version < 0 ? 0 : static_cast<int>(version);
}

Attributes everything(int abi) {
  Attributes denied{kAllV1, 0, 0};
  if (abi >= 2) denied.handled_fs |= kRefer;
  if (abi >= 3) denied.handled_fs |= kTruncate;
  if (abi >= 4) denied.handled_net = kNetBindTcp | kNetConnectTcp;
  if (abi >= 5) denied.handled_fs |= kIoctlDev;
  if (abi >= 6) denied.scoped = kScopeAbstractSocket | kScopeSignal;
  return denied;
}

std::size_t attribute_size(int abi) {
  if (abi >= 6) return sizeof(Attributes);
  return abi >= 4 ? offsetof(Attributes, scoped) : offsetof(Attributes, handled_net);
}

Result<UniqueFd> create(const Attributes& denied, int abi) {
  UniqueFd ruleset(static_cast<int>(::syscall(kCreateRuleset, &denied, attribute_size(abi), 0)));
  if (!ruleset) return std::unexpected(errno_error("landlock_create_ruleset", errno));
  return ruleset;
}

Result<void> allow_path(int ruleset, const std::string& path, std::uint64_t access, bool must_exist) {
  const UniqueFd target(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!target && !must_exist && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return {};
  if (!target) return std::unexpected(errno_error("open " + path, errno));
  struct stat info{};
  if (::fstat(target.get(), &info) != 0) return std::unexpected(errno_error("stat " + path, errno));
  const PathAttribute attribute{S_ISDIR(info.st_mode) ? access : access & kFileRights, target.get()};
  if (::syscall(kAddRule, ruleset, kRulePathBeneath, &attribute, 0) != 0) {
    return std::unexpected(errno_error("Landlock rule for " + path, errno));
  }
  return {};
}

Result<void> allow_connect(int ruleset, std::uint16_t port) {
  const PortAttribute attribute{kNetConnectTcp, port};
  if (::syscall(kAddRule, ruleset, kRuleNetPort, &attribute, 0) != 0) {
    return std::unexpected(errno_error("Landlock rule for a port", errno));
  }
  return {};
}

bool restrict_self(int ruleset) noexcept {
  return ::syscall(kRestrictSelf, ruleset, 0) == 0;
}

}  // namespace modelrun::landlock
