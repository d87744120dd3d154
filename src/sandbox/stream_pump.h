// One output stream of the model, inside `exec`: from the model's pipe to the agent and, capped, to our own log.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/channel.h"

namespace modelrun::sandbox {

// Bytes of one stream that go to the container's own log (`kubectl logs`); the agent captures beyond it.
inline constexpr std::uint64_t kLiveLogBytes = 8U << 20U;

// Not thread-safe. Never waits for the log's reader: what that has not taken is held, at most one chunk, and the model
// waits.
class StreamPump {
 public:
  // `pipe`: the read end, owned, non-blocking. `log_fd`: ours, not owned, non-blocking.
  StreamPump(UniqueFd pipe, int log_fd, Message type) : pipe_(std::move(pipe)), log_fd_(log_fd), type_(type) {}

  // Moves what can be moved without waiting for the model; at most `budget` bytes are read. An error is the channel's.
  Result<void> move(const Channel& agent, std::size_t budget = 1U << 20U);

  // What to poll for: the pipe's fd, or -1 while the log's reader is behind or the pipe is at its end.
  [[nodiscard]] int wants_read() const { return ended_ || !held_.empty() ? -1 : pipe_.get(); }
  [[nodiscard]] int wants_write() const { return held_.empty() ? -1 : log_fd_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool done() const { return ended_ && held_.empty(); }
  // The log's reader is given up on.
  void drop_held() {
    held_.clear();
    log_left_ = 0;
  }
  [[nodiscard]] int pipe() const { return pipe_.get(); }

 private:
  void to_log(std::string_view bytes);
  void flush();

  UniqueFd pipe_;
  int log_fd_;
  Message type_;
  std::uint64_t log_left_ = kLiveLogBytes;
  std::string held_;  // for the log
  bool ended_ = false;
};

}  // namespace modelrun::sandbox
