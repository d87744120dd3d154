// Moves one output stream of the model, inside `exec`: from the model's pipe to the agent and, up to a limit, to the
// container's own log.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/channel.h"

namespace modelrun::sandbox {

// Bytes of one stream that go to the container's own log (`kubectl logs`). The agent gets the whole stream. The
// container runtime writes a time and a tag in front of each line, so a line is counted as kLineOverhead bytes more
// than it has.
inline constexpr std::uint64_t kLiveLogBytes = 8U << 20U;
inline constexpr std::uint64_t kLineOverhead = 60;
// Bytes that are held for a reader of the log that is slow.
inline constexpr std::size_t kMaxHeldBytes = 1U << 20U;

// Never waits for the reader of the log, and never makes the model wait for it: what the reader has not taken is held
// up to kMaxHeldBytes, and what does not fit is left out, with a line in its place that says how much. Not thread-safe.
class StreamPump {
 public:
  // `pipe`: the read end of the model's pipe, non-blocking; owned. `log_fd`: the log, non-blocking; not owned. `type`:
  // kStdout or kStderr.
  StreamPump(UniqueFd pipe, int log_fd, Message type) : pipe_(std::move(pipe)), log_fd_(log_fd), type_(type) {}

  // Moves what is in the pipe, without waiting for the model, until about `budget` bytes have been read (it stops
  // after the chunk that reaches it). Sending to the agent may block (see Channel::send()). Fails only as
  // Channel::send() does; a pipe or a log that fails is treated as ended.
  Result<void> move(const Channel& agent, std::size_t budget = 1U << 20U);

  // The descriptor to poll for POLLIN before the next move(); -1 when the pipe has ended.
  [[nodiscard]] int wants_read() const { return ended_ ? -1 : pipe_.get(); }
  // The descriptor to poll for POLLOUT before the next move(); -1 while no bytes are held for the log.
  [[nodiscard]] int wants_write() const { return held_.empty() ? -1 : log_fd_; }
  // True when the pipe has ended: all its writers have closed it.
  [[nodiscard]] bool ended() const { return ended_; }
  // True when the pipe has ended and nothing is held for the log.
  [[nodiscard]] bool done() const { return ended_ && held_.empty(); }
  // Drops what is held and writes nothing more to the log.
  void drop_held() {
    held_.clear();
    left_out_ = 0;
    log_left_ = 0;
  }
  [[nodiscard]] int pipe() const { return pipe_.get(); }

 private:
  void to_log(std::string_view bytes);
  void flush();
  void tell_left_out();

  UniqueFd pipe_;
  int log_fd_;
  Message type_;
  std::uint64_t log_left_ = kLiveLogBytes;
  std::string held_;            // bytes for the log that its reader has not taken yet
  std::uint64_t left_out_ = 0;  // bytes since then that there was no room for
  bool ended_ = false;
};

}  // namespace modelrun::sandbox
