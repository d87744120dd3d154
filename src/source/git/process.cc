#include "source/git/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "base/child_process.h"
#include "source/files.h"

namespace modelrun::source {
namespace {

Result<Pipe> own_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(own_failure("make a pipe", errno));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void set_nonblocking(const UniqueFd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

// Everything that the child needs. It is prepared before fork because the child must not allocate memory.
struct ChildPlan {
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* directory = nullptr;
  const Confinement* confinement = nullptr;
  rlim_t cpu_seconds = 0;
  rlim_t file_bytes = 0;
  rlim_t memory_bytes = 0;
  int input = -1;
  int output = -1;
  int diagnostics = -1;
  pid_t parent = 0;
};

bool set_limit(int resource, rlim_t value) {
  const rlimit limit{value, value};
  return ::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) == 0;
}

// Sets up the child and calls execve. Returns only on failure: the name of the step that failed, with the cause in
// errno. Async-signal-safe, like everything that it calls.
const char* become(const ChildPlan& plan) {
  if (::setpgid(0, 0) != 0) return "setpgid";
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.diagnostics, 2) < 0) return "dup2";
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != plan.parent) return "parent";
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < 32; ++number) ::sigaction(number, &standard, nullptr);
  // With SIGXFSZ ignored, a write beyond RLIMIT_FSIZE fails with EFBIG, which git reports. The signal would kill a
  // helper of git without a message.
  struct sigaction ignored{};
  ignored.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &ignored, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(077);
  if (::chdir(plan.directory) != 0) return "chdir";
  if (!set_limit(RLIMIT_CORE, 0) || !set_limit(RLIMIT_CPU, plan.cpu_seconds) || !set_limit(RLIMIT_NOFILE, 256) ||
      !set_limit(RLIMIT_FSIZE, plan.file_bytes) || !set_limit(RLIMIT_AS, plan.memory_bytes)) {
    return "setrlimit";
  }
  // The descriptors are marked close-on-exec and not closed, because apply() still needs that of the Landlock ruleset.
  if (::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) != 0) return "close_range";
  if (plan.confinement != nullptr) {
    if (const char* step = plan.confinement->apply(); step != nullptr) return step;
  }
  ::execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  return "execve";
}

[[noreturn]] void run_child(const ChildPlan& plan) {
  const char* step = become(plan);
  // The parent reads this as part of the process's diagnostics. git_errors.cc recognises its beginning.
  const char* words = ::strerrordesc_np(errno);  // async-signal-safe, unlike strerror
  for (const char* text : {"modelrun: cannot start git: ", step, ": ", words == nullptr ? "unknown" : words}) {
    if (::write(2, text, std::strlen(text)) < 0) break;
  }
  ::_exit(126);
}

// The parent's side of one child: its pipes, and the loop that serves them until the child ends, the deadline passes
// or `stop` is requested. The destructor kills the process group.
class Running {
 public:
  Running(pid_t pid, UniqueFd pidfd, UniqueFd input, UniqueFd output, UniqueFd diagnostics)
      : pid_(pid),
        pidfd_(std::move(pidfd)),
        input_(std::move(input)),
        output_(std::move(output)),
        diagnostics_(std::move(diagnostics)) {
    for (const UniqueFd* fd : {&input_, &output_, &diagnostics_}) set_nonblocking(*fd);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { (void)finish(); }

  Result<ProcessEnd> wait(const ProcessSpec& spec, const Sink& sink, const std::stop_token& stop) {
    const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return std::unexpected(own_failure("make an eventfd", errno));
    const std::stop_callback on_stop(stop, [&wake] {
      const std::uint64_t one = 1;
      if (::write(wake.get(), &one, sizeof one) < 0) return;  // the counter is full, so it is readable already
    });
    left_ = spec.input;
    if (left_.empty()) input_.reset();
    bool ended = false;
    while (!ended || output_ || diagnostics_) {
      if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
      auto step = poll_once(wake.get(), spec, sink, ended);
      RETURN_IF_ERROR(step);
      // A process of the group that outlives the leader could hold the pipes open for ever.
      if (ended) kill_group();
    }
    end_.exit_code = finish();
    return std::move(end_);
  }

 private:
  Result<void> poll_once(int wake, const ProcessSpec& spec, const Sink& sink, bool& ended) {
    const auto left = spec.deadline - std::chrono::steady_clock::now();
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    if (milliseconds <= 0) return fail(ErrorKind::kTimeout, "not finished in time");
    // poll(2) ignores negative descriptors, such as those of closed pipes.
    std::array<pollfd, 5> fds = {pollfd{wake, POLLIN, 0}, pollfd{ended ? -1 : pidfd_.get(), POLLIN, 0},
                                 pollfd{input_.get(), POLLOUT, 0}, pollfd{output_.get(), POLLIN, 0},
                                 pollfd{diagnostics_.get(), POLLIN, 0}};
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::min<long>(milliseconds, 60'000)));
    if (ready < 0 && errno != EINTR) return std::unexpected(own_failure("poll", errno));
    if (ready <= 0) return {};
    if (fds[1].revents != 0) ended = true;
    if (fds[2].revents != 0) feed();
    if (fds[4].revents != 0) read_diagnostics(spec.max_diagnostics);
    if (fds[3].revents != 0) return read_output(sink);
    return {};
  }

  void feed() {
    // The write fails with EPIPE when the child has closed its standard input. run_process() blocks SIGPIPE.
    const ssize_t written = ::write(input_.get(), left_.data(), left_.size());
    if (written > 0) left_.remove_prefix(static_cast<std::size_t>(written));
    const bool broken = written < 0 && errno != EAGAIN && errno != EINTR;
    if (left_.empty() || broken) input_.reset();
  }

  Result<void> read_output(const Sink& sink) {
    const ssize_t got = ::read(output_.get(), buffer_.data(), buffer_.size());
    if (got > 0) return sink(std::string_view(buffer_.data(), static_cast<std::size_t>(got)));
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) output_.reset();
    return {};
  }

  void read_diagnostics(std::size_t limit) {
    const ssize_t got = ::read(diagnostics_.get(), buffer_.data(), buffer_.size());
    if (got > 0) {
      const std::size_t room = limit - std::min(limit, end_.diagnostics.size());
      end_.diagnostics.append(buffer_.data(), std::min(room, static_cast<std::size_t>(got)));
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      diagnostics_.reset();
    }
  }

  void kill_group() const { ::kill(-pid_, SIGKILL); }

  // Kills what is left of the group and reaps its leader; the server reaps the others (server.cc). Returns the exit
  // code. The group is killed before its leader is reaped, because only then can the group's id not have been reused by
  // other processes.
  int finish() {
    if (pid_ <= 0) return end_.exit_code;
    kill_group();
    const int status = reap(std::exchange(pid_, -1));
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd diagnostics_;
  std::string_view left_;
  ProcessEnd end_;
  std::array<char, std::size_t{64} << 10U> buffer_{};
};

// Blocks SIGPIPE for the calling thread, and consumes one that has become pending before it is unblocked. Without it,
// a write to a child that has ended would end this process.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    const timespec now{};
    if (sigismember(&before_, SIGPIPE) == 0) {
      while (::sigtimedwait(&set_, nullptr, &now) == SIGPIPE) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

ChildPlan make_plan(const ProcessSpec& spec, const Pipe& input, const Pipe& output, const Pipe& diagnostics) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(spec.deadline - std::chrono::steady_clock::now()).count();
  ChildPlan plan;
  plan.argv = argv_of(spec.argv);
  plan.environment = argv_of(spec.environment);
  plan.directory = spec.directory.c_str();
  plan.confinement = spec.confinement;
  // The limit is four times the remaining time, because git decompresses in a few threads. The deadline is the
  // effective limit; this one ends a process that has escaped from it.
  plan.cpu_seconds = static_cast<rlim_t>(std::max<long>(left, 1)) * 4;
  plan.file_bytes = spec.max_file_bytes;
  plan.memory_bytes = spec.max_memory_bytes;
  plan.input = input.read.get();
  plan.output = output.write.get();
  plan.diagnostics = diagnostics.write.get();
  plan.parent = ::getpid();
  return plan;
}

}  // namespace

Result<ProcessEnd> run_process(const ProcessSpec& spec, const Sink& sink, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
  auto input = own_pipe();
  auto output = own_pipe();
  auto diagnostics = own_pipe();
  for (const auto* pipe : {&input, &output, &diagnostics}) {
    if (!*pipe) return std::unexpected(pipe->error());
  }
  const ChildPlan plan = make_plan(spec, *input, *output, *diagnostics);
  const NoSigpipe no_sigpipe;
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(own_failure("fork", errno));
  if (pid == 0) run_child(plan);
  // The child does this too. It is repeated here so that the group exists before the parent may have to kill it.
  ::setpgid(pid, pid);
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int pidfd_error = errno;
  const bool has_pidfd = static_cast<bool>(pidfd);
  input->read.reset();
  output->write.reset();
  diagnostics->write.reset();
  Running running(pid, std::move(pidfd), std::move(input->write), std::move(output->read),
                  std::move(diagnostics->read));
  if (!has_pidfd) return std::unexpected(own_failure("watch a process", pidfd_error));
  return running.wait(spec, sink, stop);
}

}  // namespace modelrun::source
