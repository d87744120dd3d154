#include "sandbox/point_processes.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>

#include "sandbox/io.h"

namespace modelrun::sandbox {
namespace {

struct CloseProc {
  void operator()(DIR* proc) const { ::closedir(proc); }
};

// A process that was put into the container from outside (`kubectl exec`) has no parent here, and whoever put it here
// reaps it.
bool is_foreign(pid_t pid) {
  const auto stat = read_small_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!stat) return true;  // it has been reaped
  // PID (NAME) STATE PPID ...: the name may hold anything.
  const std::string_view text = *stat;
  const auto name_end = text.rfind(") ");
  return name_end != std::string_view::npos && text.substr(name_end).substr(3).starts_with(" 0 ");
}

}  // namespace

void PointProcesses::terminate() const {
  if (whole_namespace_) {
    ::kill(-1, SIGTERM);
  } else if (entry_ > 0) {
    ::kill(-entry_, SIGTERM);
  }
}

int PointProcesses::kill() const {
  if (!whole_namespace_) return entry_ > 0 && ::kill(-entry_, SIGKILL) == 0 ? 1 : 0;
  // The kernel stops all of them in one step, in which no fork of one of them comes to an end.
  ::kill(-1, SIGSTOP);
  const std::unique_ptr<DIR, CloseProc> proc(::opendir("/proc"));
  if (!proc) {
    // Without the list there is one way left, which costs the harness.
    return ::kill(-1, SIGKILL) == 0 ? 1 : 0;
  }
  int left = 0;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size()) continue;
    if (pid == ::getpid() || pid == harness_) continue;
    // It fails for a process of another user, which is none of the model's.
    if (::kill(pid, SIGKILL) == 0 && !is_foreign(pid)) ++left;
  }
  return left;
}

void PointProcesses::resume_harness() const {
  if (whole_namespace_ && harness_ > 0) ::kill(harness_, SIGCONT);
}

void PointProcesses::kill_all() const {
  if (whole_namespace_) {
    ::kill(-1, SIGKILL);
    return;
  }
  for (const pid_t each : {harness_, entry_}) {
    if (each > 0) ::kill(-each, SIGKILL);
  }
}

}  // namespace modelrun::sandbox
