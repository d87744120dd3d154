// What those who start another program need. errno is mapped as errno_error() does it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun {

// The two ends of a pipe(2), both close-on-exec.
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
// Fails with the errno of pipe2(2).
Result<Pipe> make_pipe();

// Pointers to the texts of `strings`, and a null pointer after them, as execve(2) takes them. They are valid as long as
// `strings` is not changed. Nothing may be written through them. Pure.
std::vector<char*> argv_of(const std::vector<std::string>& strings);

// Blocks until the child `pid` has ended, reaps it, and returns its status in the form of waitpid(2).
int reap(pid_t pid);

// Owns a child process: the destructor kills and reaps it, unless wait() has reaped it already. Not thread-safe.
class ChildProcess {
 public:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();
  // As reap(). Call it once.
  int wait() { return reap(std::exchange(pid_, -1)); }

 private:
  pid_t pid_;  // -1: reaped
};

struct SpawnPlan {
  std::vector<std::string> argv;  // argv[0] is searched for in PATH of this process
  std::vector<std::string> environment;
  std::vector<int> descriptors;  // become the child's descriptors 0, 1, 2 and so on; they stay the caller's
  bool apart = false;            // in a session of its own, with no signal blocked
};
// Starts a program. It inherits every other descriptor that is not close-on-exec. Fails with the errno of
// posix_spawnp(3), also when there is no such program; the message names it. REQUIRES: argv is not empty.
Result<ChildProcess> spawn(const SpawnPlan& plan);

// Reads until the end of `fd`, which a child writes to. Blocks. Fails with kTooLarge beyond `most` bytes, with kTimeout
// at the deadline, with kCancelled when a stop is requested, and with the errno of read(2).
Result<std::string> read_to_end(int fd, std::size_t most, std::chrono::steady_clock::time_point deadline,
                                const std::stop_token& stop);

}  // namespace modelrun
