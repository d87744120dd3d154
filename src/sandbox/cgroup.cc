#include "sandbox/cgroup.h"

#include <charconv>

#include "sandbox/io.h"

namespace modelrun::sandbox {
namespace {

constexpr std::string_view kMount = "/sys/fs/cgroup";

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

bool names_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == "memory") return true;
    controllers.remove_prefix(comma == std::string_view::npos ? controllers.size() : comma + 1);
  }
  return false;
}

}  // namespace

std::optional<std::int64_t> parse_oom_kills(std::string_view text) {
  constexpr std::string_view kKey = "oom_kill ";
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!line.starts_with(kKey)) continue;
    line.remove_prefix(kKey.size());
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error == std::errc{} && end != line.data()) return value;
  }
  return std::nullopt;
}

std::vector<std::string> oom_counter_paths(std::string_view proc_self_cgroup) {
  std::vector<std::string> v1;
  std::vector<std::string> v2;
  while (!proc_self_cgroup.empty()) {
    const std::string_view line = take_line(proc_self_cgroup);  // hierarchy:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1) == "/" ? "" : line.substr(second + 1));
    // Both places are tried: /proc may show the path as the host sees it while the root of the mount is the container's
    // own cgroup.
    if (names_memory(controllers)) {
      v1.push_back(fmt::format("{}/memory{}/memory.oom_control", kMount, path));
      if (!path.empty()) v1.push_back(fmt::format("{}/memory/memory.oom_control", kMount));
    } else if (controllers.empty()) {
      v2.push_back(fmt::format("{}{}/memory.events", kMount, path));
      if (!path.empty()) v2.push_back(fmt::format("{}/memory.events", kMount));
    }
  }
  v1.insert(v1.end(), v2.begin(), v2.end());
  return v1;
}

std::optional<std::int64_t> read_oom_kills() {
  const auto own = read_small_file("/proc/self/cgroup", 1U << 16U);
  if (!own) return std::nullopt;
  for (const std::string& path : oom_counter_paths(*own)) {
    const auto text = read_small_file(path, 4096);
    if (text) return parse_oom_kills(*text);
  }
  return std::nullopt;
}

}  // namespace modelrun::sandbox
