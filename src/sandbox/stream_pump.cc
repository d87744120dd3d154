#include "sandbox/stream_pump.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace modelrun::sandbox {
namespace {

std::uint64_t cost_of(std::string_view bytes) {
  return bytes.size() + kLineOverhead * static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
}

// Returns how many bytes of the beginning of `bytes` cost less than `left`; all of them if they do.
std::size_t within(std::string_view bytes, std::uint64_t left) {
  if (cost_of(bytes) < left) return bytes.size();
  std::size_t count = 0;
  for (const char c : bytes) {
    const std::uint64_t cost = c == '\n' ? 1 + kLineOverhead : 1;
    if (cost >= left) break;
    left -= cost;
    ++count;
  }
  return count;
}

}  // namespace

Result<void> StreamPump::move(const Channel& agent, std::size_t budget) {
  flush();
  std::array<char, kMaxPayload> chunk;
  for (std::size_t total = 0; !ended_ && total < budget;) {
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
  const std::size_t fits = within(bytes, log_left_);
  const std::string_view kept = bytes.substr(0, fits);
  if (left_out_ > 0 || held_.size() + kept.size() > kMaxHeldBytes) {
    left_out_ += kept.size();
  } else {
    held_ += kept;
  }
  log_left_ = fits < bytes.size() ? 0 : log_left_ - cost_of(kept);
  if (log_left_ == 0) {
    tell_left_out();
    held_ += "\nmodelrun-sandbox: the log of this stream ends here; its end is kept in the run's result\n";
  }
  flush();
}

// Puts a line in the place of what was left out.
void StreamPump::tell_left_out() {
  if (left_out_ == 0) return;
  held_ += fmt::format("\nmodelrun-sandbox: {} bytes are left out here: the log is not read fast enough\n",
                       std::exchange(left_out_, 0));
}

void StreamPump::flush() {
  while (!held_.empty()) {
    const ssize_t put = ::write(log_fd_, held_.data(), held_.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) return;
    if (put < 0) return drop_held();
    held_.erase(0, static_cast<std::size_t>(put));
    if (held_.empty()) tell_left_out();
  }
}

}  // namespace modelrun::sandbox
