#include "sandbox/landlock.h"

#include <algorithm>
#include <filesystem>

#include <cerrno>

#include "base/landlock.h"

namespace modelrun::sandbox {

namespace {

// What the kernel tells of the machine and what Python, its numeric libraries and other runtimes read of it: how many
// processors and how much memory there are, and the container's own limits. The rest of /proc and /sys is denied.
constexpr const char* kReadableOfKernel[] = {
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/uptime",
    "/proc/sys/kernel/ngroups_max",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/threads-max",
    "/proc/sys/vm/max_map_count",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/kernel/mm/transparent_hugepage",
    "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/cpu.stat",
    "/sys/fs/cgroup/memory.current",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory.stat",
    "/sys/fs/cgroup/pids.max",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes",
};

}  // namespace

Result<LandlockMode> parse_landlock_mode(std::string_view text) {
  if (text == "required") return LandlockMode::kRequired;
  if (text == "optional") return LandlockMode::kOptional;
  return fail(ErrorKind::kInvalid, "{}='{}': use required or optional", api::kEnvLandlock, text);
}

std::vector<std::string> image_roots() {
  std::vector<std::string> roots;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/", error)) {
    const std::string path = entry.path().string();
    if (path != "/dev" && path != "/proc" && path != "/sys") roots.push_back(path);
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

Result<void> grant_own_proc(int ruleset) {
  if (ruleset < 0) return {};
  for (const char* name : {"auxv", "cmdline", "comm", "environ", "fd", "fdinfo", "io", "limits", "maps", "oom_score",
                           "sched", "schedstat", "smaps", "smaps_rollup", "stat", "statm", "status", "task", "wchan"}) {
    RETURN_IF_ERROR(landlock::allow_path(ruleset, fmt::format("/proc/self/{}", name),
                                         landlock::kReadFile | landlock::kReadDir, false));
  }
  return {};
}

Result<void> apply_landlock(int ruleset) {
  if (ruleset < 0) return {};
  if (!landlock::restrict_self(ruleset)) return std::unexpected(errno_error("landlock_restrict_self", errno));
  return {};
}

}  // namespace modelrun::sandbox
