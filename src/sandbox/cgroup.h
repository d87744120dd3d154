// The oom_kill counter of the container's own memory cgroup, in version 1 and 2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun::sandbox {

// The value of the line "oom_kill N" of memory.events (v2) or memory.oom_control (v1).
std::optional<std::int64_t> parse_oom_kills(std::string_view text);

// Paths to try, best first, from the text of /proc/self/cgroup. In a container with its own cgroup namespace the cgroup
// is the root of the mount; otherwise it stands below it at the path that /proc/self/cgroup names.
std::vector<std::string> oom_counter_paths(std::string_view proc_self_cgroup);

// Reads the counter; nothing when no layout fits, which callers take as 0.
std::optional<std::int64_t> read_oom_kills();

}  // namespace modelrun::sandbox
