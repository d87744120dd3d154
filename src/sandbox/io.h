// Small wrappers of system calls that every part of the sandbox needs. Unless a function says otherwise, it fails
// with the errno of the system call as errno_error() maps it, and the message names the path or the call. Reads,
// writes and waits that a signal interrupts (EINTR) are repeated. All functions are thread-safe.
#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace modelrun::sandbox {

using Monotonic = std::chrono::steady_clock;

// Reads the whole file. Fails with kTooLarge when it holds more than `limit` bytes. For small files that are trusted
// (the token, cgroup counters): it follows symbolic links and may block.
Result<std::string> read_small_file(const std::string& path, std::size_t limit);
// Writes all of `bytes`. On a non-blocking descriptor that is full it fails with kUnavailable and a part may be
// written.
Result<void> write_all(int fd, std::string_view bytes);
// Writes `path`.new and renames it to `path`, so that a reader sees the whole file or the old one. The file gets
// exactly the permission bits `mode`, whatever the umask is. Does not call fsync(2). Two writers of the same path
// must not run at the same time.
Result<void> write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode);
// Sets O_NONBLOCK. The flag belongs to the open file description, so it also applies to duplicates of `fd`.
Result<void> set_nonblocking(int fd);

// Returns the time-out for poll(2) until `deadline`, in milliseconds from 0 (the deadline has passed) to 60,000. It is
// rounded up so that a loop that waits for the deadline does not spin. Because of the upper bound, a caller must check
// the deadline itself when poll times out.
int poll_timeout(Monotonic::time_point deadline);

// A flag on an eventfd(2): once raised, it stays raised and fd() stays readable. Thread-safe.
class Event {
 public:
  Event();
  // False when the process had no descriptor left for it. Such an event can never be raised: nobody may wait for it.
  [[nodiscard]] bool valid() const { return static_cast<bool>(fd_); }
  void raise() const;
  [[nodiscard]] bool raised() const;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// Wakes one thread that polls: fd() is readable from notify() on until take(). Thread-safe.
class Wakeup {
 public:
  Wakeup();
  // False when the process had no descriptor left for it: nobody is ever woken.
  [[nodiscard]] bool valid() const { return static_cast<bool>(fd_); }
  void notify() const;
  void take() const;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// Blocks these signals for the calling thread and the threads that it creates later, and returns a non-blocking
// signalfd(2) that takes them.
Result<UniqueFd> block_signals(std::initializer_list<int> signals);

// Blocks until `fd` is ready for `events` (as in poll(2)) or has an error or hang-up. Fails with kCancelled when the
// descriptor `stop` is readable, even if `fd` is ready too, and with kTimeout when the deadline passes. Either
// descriptor may be -1 for none. With a deadline in the past it only checks.
Result<void> wait_ready(int fd, short events, int stop, Monotonic::time_point deadline);

}  // namespace modelrun::sandbox
