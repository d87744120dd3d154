#include "base/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace modelrun {

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(errno_error("pipe", errno));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> argv_of(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

int reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  reap(pid_);
}

Result<ChildProcess> spawn(const SpawnPlan& plan) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  for (std::size_t i = 0; i < plan.descriptors.size(); ++i) {
    ::posix_spawn_file_actions_adddup2(&actions, plan.descriptors[i], static_cast<int>(i));
  }
  if (plan.apart) {
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  }
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, plan.argv.front().c_str(), &actions, &attributes, argv_of(plan.argv).data(),
                                   argv_of(plan.environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return std::unexpected(errno_error("start " + plan.argv.front(), error));
  return ChildProcess(pid);
}

Result<std::string> read_to_end(int fd, std::size_t most, std::chrono::steady_clock::time_point deadline,
                                const std::stop_token& stop) {
  std::string output;
  std::array<char, 4096> buffer{};
  while (true) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
    if (std::chrono::steady_clock::now() >= deadline) return fail(ErrorKind::kTimeout, "no answer in time");
    // Polls with a short time-out so that `stop` is noticed. The cost does not matter: programs are started rarely.
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, 20) <= 0) continue;
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) return output;
    if (got < 0 && errno != EINTR) return std::unexpected(errno_error("read", errno));
    if (got > 0) output.append(buffer.data(), static_cast<std::size_t>(got));
    if (output.size() > most) return fail(ErrorKind::kTooLarge, "more than {} bytes", most);
  }
}

}  // namespace modelrun
