// What the processes of a session use, as the kernel counts it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace modelrun::source {

// Bytes of memory of all processes of each session, by the session's id: what they have in memory, without pages of
// files such as program code. What cannot be read, /proc included, counts nothing.
std::map<pid_t, std::uint64_t> memory_by_session();

// The processes of a session that run, hence without those that have ended and were not reaped yet.
std::vector<pid_t> processes_of_session(pid_t session);

// Bytes that what is below `directory` takes on disk, with 4 KiB for each entry: empty files use up inodes, and the
// time of who counts them. What vanishes meanwhile, or cannot be read, counts nothing.
std::uint64_t disk_usage(const std::filesystem::path& directory);

struct Victim {
  std::size_t index;
  bool alone;  // it uses more than the limit alone
};
// Of requests that use `sizes`, the one to end: the largest, if all of them and `taken` are more than `limit`. Pure.
std::optional<Victim> whom_to_end(std::span<const std::uint64_t> sizes, std::uint64_t limit, std::uint64_t taken);

}  // namespace modelrun::source
