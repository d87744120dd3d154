#include "sandbox/environment.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "api/points.h"
#include "api/sandbox.h"
#include "api/standby.h"
#include "sandbox/io.h"

namespace modelrun::sandbox {
namespace {

std::string_view name_of(std::string_view entry) {
  return entry.substr(0, entry.find('='));
}

bool is_passed_on(std::string_view name) {
  if (name.empty() || name.starts_with("PYTHON") || name.starts_with("LD_") || name.starts_with("KUBERNETES_")) {
    return false;
  }
  for (const char* own :
       {api::kEnvTimeout, api::kEnvLandlock, api::kEnvPrepare, api::kEnvPoints, api::kEnvAgentSocket}) {
    if (name == own) return false;
  }
  // Service links, in case the pod has them: {SVC}_SERVICE_HOST, {SVC}_SERVICE_PORT[_NAME], {SVC}_PORT_80_TCP[_ADDR].
  // The variable {SVC}_PORT=tcp://... is not recognised and is passed on.
  if (name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != std::string_view::npos) return false;
  const std::size_t port = name.find("_PORT_");
  return port == std::string_view::npos ||
         (name.find("_TCP", port) == std::string_view::npos && name.find("_UDP", port) == std::string_view::npos);
}

std::optional<long> parse_prefix_number(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string_view> find_variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name)) {
      return std::string_view(entry).substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

std::vector<std::string> model_environment(const std::vector<std::string>& inherited, int cpus) {
  std::vector<std::string> out;
  for (const std::string& entry : inherited) {
    if (entry.find('=') != std::string::npos && is_passed_on(name_of(entry))) out.push_back(entry);
  }
  const auto set_default = [&](std::string_view name, std::string_view value) {
    if (!find_variable(out, name)) out.push_back(fmt::format("{}={}", name, value));
  };
  const auto set = [&](std::string_view name, std::string_view value) {
    std::erase_if(out, [&](const std::string& entry) { return name_of(entry) == name; });
    out.push_back(fmt::format("{}={}", name, value));
  };
  set_default("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  set_default("LANG", "C.UTF-8");
  // The image's file system, with its own HOME, is read-only; /tmp is writable.
  set("HOME", api::kTmpDir);
  set_default("TMPDIR", api::kTmpDir);
  // The uid has no entry in the image's /etc/passwd. Programs that ask for the user's name look here first.
  set_default("USER", "modelrun");
  set_default("LOGNAME", find_variable(out, "USER").value_or("modelrun"));
  for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"}) {
    set_default(name, std::to_string(std::max(cpus, 1)));
  }
  return out;
}

std::optional<int> parse_cpu_limit(std::string_view quota, std::string_view period) {
  const auto q = parse_prefix_number(quota);
  const auto p = parse_prefix_number(period);
  if (!q || !p || *q <= 0 || *p <= 0) return std::nullopt;  // "max" and -1 mean no limit
  return static_cast<int>(std::clamp<long>((*q + *p - 1) / *p, 1, 1024));
}

int cpu_limit() {
  if (const auto v2 = read_small_file("/sys/fs/cgroup/cpu.max", 256)) {
    const std::size_t space = v2->find(' ');
    const auto limit = parse_cpu_limit(v2->substr(0, space), space == std::string::npos ? "" : v2->substr(space + 1));
    if (limit) return *limit;
  }
  const auto quota = read_small_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", 64);
  const auto period = read_small_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", 64);
  if (quota && period) {
    if (const auto limit = parse_cpu_limit(*quota, *period)) return *limit;
  }
  cpu_set_t usable;
  CPU_ZERO(&usable);
  return ::sched_getaffinity(0, sizeof usable, &usable) == 0 ? std::max(CPU_COUNT(&usable), 1) : 1;
}

std::vector<std::string> inherited_environment() {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) out.emplace_back(*entry);
  return out;
}

}  // namespace modelrun::sandbox
