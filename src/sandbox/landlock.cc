#include "sandbox/landlock.h"

#include <algorithm>
#include <filesystem>

#include <cerrno>

#include "base/landlock.h"

namespace modelrun::sandbox {

namespace {

// What Python, its numeric libraries and other runtimes read of the machine and of the container's limits. /proc is
// granted as a whole, because a rule is about an inode: the kernel makes a new one for a file of /proc whenever it has
// forgotten the old one, and only the inode of the root stays. The files of /sys keep theirs. Of /sys/fs/cgroup a
// container has its own part, and libraries ask for different files of it; DuckDB fails when one of them cannot be
// opened.
constexpr const char* kReadableOfKernel[] = {
    "/proc",          "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/kernel/mm/transparent_hugepage",
    "/sys/fs/cgroup",
};

}  // namespace

Result<LandlockMode> parse_landlock_mode(std::string_view text) {
  if (text == "required") return LandlockMode::kRequired;
  if (text == "optional") return LandlockMode::kOptional;
  return fail(ErrorKind::kInvalid, "{}='{}': use required or optional", api::kEnvLandlock, text);
}

std::vector<std::string> image_roots(const std::string& root) {
  std::vector<std::string> roots;
  std::error_code error;
  for (std::filesystem::directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name == "dev" || name == "proc" || name == "sys" || at->is_symlink(error)) continue;
    roots.push_back(at->path().string());
  }
  std::ranges::sort(roots);
  return roots;
}

LandlockRules landlock_rules(int abi, const Layout& layout, const std::vector<std::string>& roots) {
  LandlockRules rules;
  rules.denied = landlock::everything(abi);

  const std::uint64_t write = rules.denied.handled_fs & ~(landlock::kMakeChar | landlock::kMakeBlock);
  for (const std::string& root : roots) rules.grants.push_back({root, landlock::kRead, false});
  for (const char* path : kReadableOfKernel)
    rules.grants.push_back({path, landlock::kReadFile | landlock::kReadDir, false});
  rules.grants.push_back({layout.at(api::kOutputsDir), write, true});
  rules.grants.push_back({layout.at(api::kTmpDir), write, true});
  rules.grants.push_back({layout.at(api::kUpstreamDir), write, false});
  rules.grants.push_back({"/dev/shm", write, false});
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
    rules.grants.push_back({device,
                            (landlock::kReadFile | landlock::kWriteFile | landlock::kTruncate | landlock::kIoctlDev) &
                                rules.denied.handled_fs,
                            false});
  }
  return rules;
}

Result<UniqueFd> make_landlock_ruleset(LandlockMode mode, const Layout& layout) {
  const int abi = landlock::abi();
  if (abi < 1) {
    if (mode == LandlockMode::kOptional) return UniqueFd();
    return fail(ErrorKind::kUnavailable,
                "the node's kernel has no Landlock; run on nodes that have it, or start the operator with "
                "--landlock=optional, or with --rings for the RuntimeClass of this run");
  }
  const LandlockRules rules = landlock_rules(abi, layout, image_roots());
  auto ruleset = landlock::create(rules.denied, abi);
  if (!ruleset) return ruleset;
  for (const LandlockRules::Grant& grant : rules.grants) {
    RETURN_IF_ERROR(landlock::allow_path(ruleset->get(), grant.path, grant.access, grant.must_exist));
  }
  return ruleset;
}

Result<void> apply_landlock(int ruleset) {
  if (ruleset < 0) return {};
  if (!landlock::restrict_self(ruleset)) return std::unexpected(errno_error("landlock_restrict_self", errno));
  return {};
}

}  // namespace modelrun::sandbox
