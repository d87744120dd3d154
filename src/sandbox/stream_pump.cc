#include "sandbox/stream_pump.h"

#include <array>
#include <cerrno>

namespace modelrun::sandbox {

Result<void> StreamPump::move(const Channel& agent, std::size_t budget) {
  flush();
  std::array<char, kMaxPayload> chunk;
  for (std::size_t total = 0; !ended_ && held_.empty() && total < budget;) {
    const ssize_t got = ::read(pipe_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return {};
    if (got <= 0) {
      ended_ = true;
      return {};
    }
    const std::string_view bytes(chunk.data(), static_cast<std::size_t>(got));
    total += bytes.size();
    // Send to the agent before the log, because the agent's copy is the one that the result is made of.
    RETURN_IF_ERROR(agent.send(type_, bytes));
    to_log(bytes);
  }
  return {};
}

void StreamPump::to_log(std::string_view bytes) {
  if (log_left_ == 0) return;
  held_ += bytes.substr(0, log_left_);
  if (bytes.size() >= log_left_) {
    held_ += "\nmodelrun-sandbox: the log of this stream ends here at 8 MiB; its end is kept in the run's result\n";
    log_left_ = 0;
  } else {
    log_left_ -= bytes.size();
  }
  flush();
}

void StreamPump::flush() {
  while (!held_.empty()) {
    const ssize_t put = ::write(log_fd_, held_.data(), held_.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) return;
    if (put < 0) return drop_held();
    held_.erase(0, static_cast<std::size_t>(put));
  }
}

}  // namespace modelrun::sandbox
