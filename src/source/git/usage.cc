#include "source/git/usage.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <numeric>
#include <sstream>
#include <string>

namespace modelrun::source {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kEntryBytes = 4096;

std::string read_small(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The session of a process that runs: the fourth field after the program's name, which stands in parentheses and may
// hold any character. 0 if the process is gone or a zombie.
pid_t session_of(const fs::path& process) {
  const std::string stat = read_small(process / "stat");
  const auto end = stat.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(end + 1));
  std::string state;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  fields >> state >> parent >> group >> session;
  return fields && state != "Z" && state != "X" ? session : 0;
}

// Resident pages that are not those of files.
std::uint64_t own_memory(const fs::path& process) {
  std::istringstream fields(read_small(process / "statm"));
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  fields >> size >> resident >> shared;
  static const auto kPage = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return fields && resident > shared ? (resident - shared) * kPage : 0;
}

void for_each_process(const std::function<void(pid_t, const fs::path&)>& use) {
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    pid_t pid = 0;
    const auto [rest, fault] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (fault == std::errc{} && rest == name.data() + name.size()) use(pid, at->path());
  }
}

}  // namespace

std::map<pid_t, std::uint64_t> memory_by_session() {
  std::map<pid_t, std::uint64_t> sessions;
  for_each_process([&](pid_t, const fs::path& path) { sessions[session_of(path)] += own_memory(path); });
  return sessions;
}

std::vector<pid_t> processes_of_session(pid_t session) {
  std::vector<pid_t> found;
  for_each_process([&](pid_t pid, const fs::path& path) {
    if (session_of(path) == session) found.push_back(pid);
  });
  return found;
}

std::uint64_t disk_usage(const fs::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    struct stat found{};
    if (::lstat(at->path().c_str(), &found) == 0) {
      bytes += kEntryBytes + static_cast<std::uint64_t>(found.st_blocks) * 512;
    }
  }
  return bytes;
}

std::optional<Victim> whom_to_end(std::span<const std::uint64_t> sizes, std::uint64_t limit, std::uint64_t taken) {
  const std::uint64_t total = std::accumulate(sizes.begin(), sizes.end(), taken);
  const auto largest = std::ranges::max_element(sizes);
  if (total <= limit || largest == sizes.end() || *largest == 0) return std::nullopt;
  return Victim{static_cast<std::size_t>(largest - sizes.begin()), *largest > limit};
}

}  // namespace modelrun::source
