// What the processes of a session use, as the kernel counts it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

namespace modelrun::source {

// Bytes of memory of all processes of each session, by the session's id: what they have in memory, without pages of
// files such as program code.
std::map<pid_t, std::uint64_t> memory_by_session();

// The processes of a session.
std::vector<pid_t> processes_of_session(pid_t session);

// Bytes that the files below `directory` take on disk. What vanishes meanwhile counts nothing.
std::uint64_t disk_usage(const std::filesystem::path& directory);

}  // namespace modelrun::source
