#include "sandbox/launcher.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/child_process.h"
#include "sandbox/environment.h"
#include "sandbox/io.h"
#include "sandbox/landlock.h"

namespace modelrun::sandbox {
namespace {

constexpr int kNice = 19;
constexpr int kReportFd = 3;  // the pipe in which the child reports a failed step; closed by execve

constexpr rlim_t kMaxProcesses = 256;
constexpr rlim_t kMaxDescriptors = 1024;
constexpr rlim_t kMaxFileBytes = rlim_t{1} << 30U;
constexpr rlim_t kMaxPendingSignals = 1024;

Result<void> check(int result, const char* call) {
  if (result == 0) return {};
  return std::unexpected(errno_error(call, errno));
}

Result<void> reset_signals(const LaunchPlan& /*plan*/) {
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  return check(::sigprocmask(SIG_SETMASK, &none, nullptr), "sigprocmask");
}

Result<void> new_session(const LaunchPlan& /*plan*/) {
  if (::setsid() < 0) return std::unexpected(errno_error("setsid", errno));
  // Only tests need this: when `exec` is PID 1, the kernel kills the whole pid namespace when it ends.
  return check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
}

Result<void> connect_streams(const LaunchPlan& plan) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return std::unexpected(errno_error("open /dev/null", errno));
  const int input = plan.stdin_fd >= 0 ? plan.stdin_fd : null.get();
  if (::dup2(input, STDIN_FILENO) < 0 || ::dup2(plan.stdout_fd, STDOUT_FILENO) < 0 ||
      ::dup2(plan.stderr_fd, STDERR_FILENO) < 0) {
    return std::unexpected(errno_error("dup2", errno));
  }
  return {};
}

// Makes the OOM killer choose the model before its supervisor, and a core dump empty. These are not rings of the
// sandbox (set_limits() forbids core dumps), so a failure is ignored: /proc may not be writable.
Result<void> set_by_proc(const LaunchPlan& /*plan*/) {
  // Become dumpable so that the process owns its /proc/self entries. `exec` is not dumpable and the child inherits
  // that; execve would make the model dumpable anyway.
  (void)::prctl(PR_SET_DUMPABLE, 1);
  const UniqueFd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score) (void)write_all(score.get(), "1000");
  const UniqueFd filter(::open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC));
  if (filter) (void)write_all(filter.get(), "0");
  return {};
}

// `exec` shares the container's CPU with the model. With the least weight for the model, the time-out and the agent's
// orders are obeyed in time however many processes are busy. RLIMIT_NICE keeps the model from undoing it.
Result<void> yield_to_supervisor(const LaunchPlan& /*plan*/) {
  return check(::setpriority(PRIO_PROCESS, 0, kNice), "setpriority");
}

struct Limit {
  // gVisor's kernel, which has no Landlock, does not have all limits either, and refuses to set those with EPERM; Linux
  // lets every process lower its own. kMayLack marks the limits that are not missed there: the filter allows no call
  // that makes a message queue, gVisor itself queues few signals, and it schedules without regard to the priority.
  enum Need { kMust, kMayLack };
  __rlimit_resource resource;
  rlim_t value;
  const char* name;
  Need need = kMust;
};

Result<void> set_limit(const Limit& limit, bool has_landlock) {
  rlimit current{};
  if (::getrlimit(limit.resource, &current) != 0) return std::unexpected(errno_error(limit.name, errno));
  const rlim_t bound = std::min(limit.value, current.rlim_max);
  const rlimit wanted{bound, bound};
  if (::setrlimit(limit.resource, &wanted) == 0) return {};
  if (errno == EPERM && limit.need == Limit::kMayLack && !has_landlock) return {};
  return std::unexpected(errno_error(limit.name, errno));
}

Result<void> set_limits(const LaunchPlan& plan) {
  // There is no RLIMIT_AS because allocators reserve address space that they never use. The cgroup limits the memory.
  constexpr Limit kLimits[] = {
      {RLIMIT_NPROC, kMaxProcesses, "RLIMIT_NPROC"},
      {RLIMIT_NOFILE, kMaxDescriptors, "RLIMIT_NOFILE"},
      {RLIMIT_CORE, kNoCore, "RLIMIT_CORE"},
      {RLIMIT_FSIZE, kMaxFileBytes, "RLIMIT_FSIZE"},
      {RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE", Limit::kMayLack},
      {RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK"},
      {RLIMIT_SIGPENDING, kMaxPendingSignals, "RLIMIT_SIGPENDING", Limit::kMayLack},
      {RLIMIT_NICE, 0, "RLIMIT_NICE", Limit::kMayLack},
      {RLIMIT_RTPRIO, 0, "RLIMIT_RTPRIO"},
  };
  for (const Limit& each : kLimits) RETURN_IF_ERROR(set_limit(each, plan.landlock_ruleset >= 0));
  return {};
}

Result<void> forbid_privileges(const LaunchPlan& /*plan*/) {
  return check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
}

Result<void> confine_files(const LaunchPlan& plan) {
  return apply_landlock(plan.landlock_ruleset);
}

Result<void> close_descriptors(const LaunchPlan& /*plan*/) {
  if (::syscall(SYS_close_range, kReportFd + 1, ~0U, 0) == 0) return {};
  if (errno != ENOSYS) return std::unexpected(errno_error("close_range", errno));
  // Linux before 5.9 has no close_range(2). `exec` never holds a descriptor above this range.
  for (int fd = kReportFd + 1; fd < 4096; ++fd) ::close(fd);
  return {};
}

Result<void> enter_directory(const LaunchPlan& plan) {
  ::umask(077);
  if (::chdir(plan.directory.c_str()) != 0) return std::unexpected(errno_error("chdir " + plan.directory, errno));
  return {};
}

Result<void> confine_calls(const LaunchPlan& plan) {
  return apply_seccomp_policy(plan.seccomp);
}

struct Step {
  std::string_view name;
  Result<void> (*run)(const LaunchPlan& plan);
};

constexpr Step kSteps[] = {
    {"signals", reset_signals},          {"session", new_session},
    {"streams", connect_streams},        {"proc", set_by_proc},
    {"priority", yield_to_supervisor},   {"limits", set_limits},
    {"no-new-privs", forbid_privileges}, {"landlock", confine_files},
    {"descriptors", close_descriptors},  {"directory", enter_directory},
    {"seccomp", confine_calls},  // last: forbids calls that the others make
};

// Runs in the child. Returns only on failure, with a sentence that says what failed.
std::string become_model(const LaunchPlan& plan, std::vector<char*>& argv, std::vector<char*>& environment) {
  for (const Step& step : kSteps) {
    if (const auto done = step.run(plan); !done) {
      return fmt::format("the sandbox's ring '{}' could not be put up: {}", step.name, done.error().message);
    }
  }
  environ = environment.data();
  ::execvp(argv[0], argv.data());
  return fmt::format("cannot start '{}' in the project's image: {}", plan.argv[0], std::strerror(errno));
}

[[noreturn]] void run_child(const LaunchPlan& plan, int report) {
  auto argv = argv_of(plan.argv);
  auto environment = argv_of(plan.environment);
  if (report != kReportFd && ::dup2(report, kReportFd) < 0) ::_exit(126);
  ::fcntl(kReportFd, F_SETFD, FD_CLOEXEC);
  (void)write_all(kReportFd, become_model(plan, argv, environment));
  ::_exit(126);
}

// Reads the child's report until the pipe is closed. It is empty when the execve has succeeded, which closes the pipe.
std::string read_report(int fd) {
  std::string text(4096, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

Result<pid_t> launch(const LaunchPlan& plan) {
  if (plan.argv.empty()) return fail(ErrorKind::kInvalid, "no program to start was given");
  auto pipe = make_pipe();
  RETURN_IF_ERROR(pipe);
  const pid_t child = ::fork();
  if (child < 0) return std::unexpected(errno_error("fork", errno));
  if (child == 0) {
    // A descriptor of the plan that is at most kReportFd would be overwritten by the standard streams or the report.
    LaunchPlan own = plan;
    for (int* fd : {&own.stdin_fd, &own.stdout_fd, &own.stderr_fd, &own.landlock_ruleset}) {
      if (*fd >= 0 && *fd <= kReportFd) *fd = ::fcntl(*fd, F_DUPFD_CLOEXEC, kReportFd + 1);
    }
    run_child(own, pipe->write.get());
  }
  pipe->write.reset();
  const std::string report = read_report(pipe->read.get());
  if (report.empty()) return child;
  reap(child);
  return fail(ErrorKind::kInternal, "{}", report);
}

std::vector<std::string_view> launch_steps() {
  std::vector<std::string_view> names;
  for (const Step& step : kSteps) names.push_back(step.name);
  return names;
}

}  // namespace modelrun::sandbox
