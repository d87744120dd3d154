// Reads the oom_kill counter of the container's own memory cgroup, in cgroup version 1 and version 2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun::sandbox {

// Returns N of the line "oom_kill N" in the text of memory.events (v2) or memory.oom_control (v1), or nullopt when
// there is no such line. Pure.
std::optional<std::int64_t> parse_oom_kills(std::string_view text);

// Returns the counter files to try, best first, given the text of /proc/self/cgroup. Files of version 1 come before
// those of version 2. For each, the path that /proc/self/cgroup names below the mount comes before the root of the
// mount; the root is the right one in a container with its own cgroup namespace. Pure.
std::vector<std::string> oom_counter_paths(std::string_view proc_self_cgroup);

// Reads the counter from the first file of oom_counter_paths() that can be read. Returns nullopt when none can be
// read or when that file has no counter; callers then report 0 kills.
std::optional<std::int64_t> read_oom_kills();

}  // namespace modelrun::sandbox
