// Small wrappers of system calls that every part of the sandbox needs. Errors name the path or the call.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::sandbox {

using Monotonic = std::chrono::steady_clock;

// Reads at most `limit` bytes; kTooLarge when the file holds more. For small files that we trust (token, cgroup
// counters).
Result<std::string> read_small_file(const std::string& path, std::size_t limit);
Result<void> write_all(int fd, std::string_view bytes);
// Writes beside `path` and renames: a reader sees all of it or nothing.
Result<void> write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode);
Result<void> set_nonblocking(int fd);

// Milliseconds until `deadline` for poll(2): 0 when it has passed, rounded up so that no loop spins.
int poll_timeout(Monotonic::time_point deadline);

// An eventfd that stays readable once raised. Any thread may raise it.
class Event {
 public:
  Event();
  void raise() const;
  [[nodiscard]] bool raised() const;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// Waits until `fd` is ready for `events`, `stop` (an fd, -1: none) becomes readable (kCancelled) or the deadline passes
// (kTimeout).
Result<void> wait_ready(int fd, short events, int stop, Monotonic::time_point deadline);

}  // namespace modelrun::sandbox
