#include "sandbox/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace modelrun::sandbox {
namespace {

// Own definitions: build machines have older headers than the nodes have kernels.
constexpr std::uint64_t kExecute = 1U << 0U;
constexpr std::uint64_t kWriteFile = 1U << 1U;
constexpr std::uint64_t kReadFile = 1U << 2U;
constexpr std::uint64_t kReadDir = 1U << 3U;
constexpr std::uint64_t kMakeChar = 1U << 6U;
constexpr std::uint64_t kMakeBlock = 1U << 11U;
constexpr std::uint64_t kAllV1 = (1U << 13U) - 1;
constexpr std::uint64_t kRefer = 1U << 13U;      // ABI 2
constexpr std::uint64_t kTruncate = 1U << 14U;   // ABI 3
constexpr std::uint64_t kIoctlDev = 1U << 15U;   // ABI 5
constexpr std::uint64_t kNetBindTcp = 1U << 0U;  // ABI 4
constexpr std::uint64_t kNetConnectTcp = 1U << 1U;
constexpr std::uint64_t kScopeAbstractSocket = 1U << 0U;  // ABI 6
constexpr std::uint64_t kScopeSignal = 1U << 1U;

constexpr std::uint64_t kRead = kExecute | kReadFile | kReadDir;
// What of a grant makes sense for something that is no directory.
constexpr std::uint64_t kFileRights = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;

constexpr int kCreateRuleset = 444;
constexpr int kAddRule = 445;
constexpr int kRestrictSelf = 446;
constexpr unsigned kVersionFlag = 1;
constexpr int kRulePathBeneath = 1;

struct RulesetAttribute {
  std::uint64_t handled_fs;
  std::uint64_t handled_net;
  std::uint64_t scoped;
};

struct [[gnu::packed]] PathAttribute {
  std::uint64_t allowed;
  std::int32_t parent_fd;
};

Result<void> add_grant(int ruleset, const LandlockRules::Grant& grant) {
  const UniqueFd target(::open(grant.path.c_str(), O_PATH | O_CLOEXEC));
  if (!target && errno == ENOENT && !grant.must_exist) return {};
  if (!target) return std::unexpected(errno_error("open " + grant.path, errno));
  struct stat info{};
  if (::fstat(target.get(), &info) != 0) return std::unexpected(errno_error("stat " + grant.path, errno));
  const PathAttribute attribute{S_ISDIR(info.st_mode) ? grant.access : grant.access & kFileRights, target.get()};
  if (::syscall(kAddRule, ruleset, kRulePathBeneath, &attribute, 0) != 0) {
    return std::unexpected(errno_error("rule for " + grant.path, errno));
  }
  return {};
}

}  // namespace

Result<LandlockMode> parse_landlock_mode(std::string_view text) {
  if (text == "required") return LandlockMode::kRequired;
  if (text == "optional") return LandlockMode::kOptional;
  return fail(ErrorKind::kInvalid, "{}='{}': use required or optional", api::kEnvLandlock, text);
}

int landlock_abi() {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kVersionFlag);
  return version < 0 ? 0 : static_cast<int>(version);
}

LandlockRules landlock_rules(int abi, const Layout& layout) {
  LandlockRules rules;
  rules.handled_fs = kAllV1;
  if (abi >= 2) rules.handled_fs |= kRefer;
  if (abi >= 3) rules.handled_fs |= kTruncate;
  if (abi >= 4) rules.handled_net = kNetBindTcp | kNetConnectTcp;
  if (abi >= 5) rules.handled_fs |= kIoctlDev;
  if (abi >= 6) rules.scoped = kScopeAbstractSocket | kScopeSignal;
  rules.attribute_size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;

  const std::uint64_t write = rules.handled_fs & ~(kMakeChar | kMakeBlock);
  rules.grants.push_back({"/", kRead, true});
  rules.grants.push_back({layout.at(api::kOutputsDir), write, true});
  rules.grants.push_back({layout.at(api::kTmpDir), write, true});
  rules.grants.push_back({layout.at(api::kUpstreamDir), write, false});
  rules.grants.push_back({"/dev/shm", write, false});
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
    rules.grants.push_back({device, (kReadFile | kWriteFile | kTruncate | kIoctlDev) & rules.handled_fs, false});
  }
  return rules;
}

Result<UniqueFd> make_landlock_ruleset(LandlockMode mode, const Layout& layout) {
  const int abi = landlock_abi();
  if (abi < 1) {
    if (mode == LandlockMode::kOptional) return UniqueFd();
    return fail(ErrorKind::kUnavailable,
                "the node's kernel has no Landlock; run on nodes that have it, or start the operator with "
                "--landlock=optional");
  }
  const LandlockRules rules = landlock_rules(abi, layout);
  const RulesetAttribute attribute{rules.handled_fs, rules.handled_net, rules.scoped};
  UniqueFd ruleset(static_cast<int>(::syscall(kCreateRuleset, &attribute, rules.attribute_size, 0)));
  if (!ruleset) return std::unexpected(errno_error("landlock_create_ruleset", errno));
  for (const LandlockRules::Grant& grant : rules.grants) {
    if (auto added = add_grant(ruleset.get(), grant); !added) return std::unexpected(added.error());
  }
  return ruleset;
}

Result<void> apply_landlock(int ruleset) {
  if (ruleset < 0) return {};
  if (::syscall(kRestrictSelf, ruleset, 0) != 0) {
    return std::unexpected(errno_error("landlock_restrict_self", errno));
  }
  return {};
}

}  // namespace modelrun::sandbox
