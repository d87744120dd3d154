#include "sandbox/point_supervisor.h"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <utility>

#include "base/child_process.h"
#include "sandbox/note.h"

namespace modelrun::sandbox {
namespace {

// How long the processes of a point may take to end once they are killed. The kernel frees some gigabytes a second.
constexpr std::chrono::seconds kDeathTime{30};
constexpr std::chrono::milliseconds kDeathPoll{5};
constexpr std::chrono::milliseconds kKillAgain{100};
constexpr std::chrono::seconds kFinishTime{2};
constexpr std::size_t kMaxLine = 64;
// A longer time-out of a point would not fit into the clock's range.
constexpr std::int64_t kMaxPointSeconds = 1'000'000'000;

// nullopt for what is no number of seconds.
std::optional<std::chrono::seconds> parse_seconds(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || seconds < 1) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, kMaxPointSeconds));
}

}  // namespace

PointSupervisor::PointSupervisor(Channel& agent, int signals, StreamPump out, StreamPump err, SupervisorLimits limits,
                                 bool whole_namespace)
    : agent_(agent),
      signals_(signals),
      out_(std::move(out)),
      err_(std::move(err)),
      limits_(limits),
      whole_namespace_(whole_namespace),
      processes_(whole_namespace),
      run_ends_at_(Monotonic::now() + limits.timeout) {}

std::optional<std::chrono::seconds> PointSupervisor::await_point() {
  while (!ordered_ && !no_more_ && !asked_) {
    reap();
    check_clock();
    if (!ordered_) poll_once(run_ends_at_);
  }
  if (ordered_ || no_more_) return std::nullopt;
  return std::exchange(asked_, std::nullopt);
}

void PointSupervisor::set_harness(pid_t harness) {
  harness_ = harness;
  processes_.spare(harness);
  line_.clear();
}

void PointSupervisor::end_harness() {
  if (harness_ < 0) return;
  ::kill(harness_, SIGKILL);
  modelrun::reap(harness_);
  set_harness(-1);
}

bool PointSupervisor::harness_has_ended() {
  if (harness_ > 0 && ::waitpid(harness_, nullptr, WNOHANG) != 0) set_harness(-1);
  return harness_ < 0;
}

Result<std::string> PointSupervisor::await_line(int fd) {
  while (!ordered_) {
    std::array<char, kMaxLine> bytes;
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got > 0) line_.append(bytes.data(), static_cast<std::size_t>(got));
    if (line_.ends_with('\n')) return std::exchange(line_, {});
    if (line_.size() > kMaxLine) return fail(ErrorKind::kInternal, "the harness has said something that is no answer");
    const bool closed = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    if (closed || harness_has_ended()) return fail(ErrorKind::kUnavailable, "the harness has ended");
    if (got > 0) continue;
    check_clock();
    if (!ordered_) poll_once(run_ends_at_, fd);
  }
  return fail(ErrorKind::kCancelled, "the run is to end");
}

Result<api::ExitRecord> PointSupervisor::watch(pid_t entry, std::chrono::seconds timeout) {
  entry_ = entry;
  processes_.set_entry(entry);
  status_.reset();
  overdue_ = false;
  kill_at_.reset();
  point_ends_at_ = Monotonic::now() + timeout;
  if (ordered_) end_point();  // between the order and now the process was started
  while (true) {
    reap();
    if (status_) break;
    check_clock();
    poll_once(kill_at_.value_or(std::min(point_ends_at_, run_ends_at_)));
  }
  RETURN_IF_ERROR(clear_processes());
  entry_ = -1;
  move_rest(out_);
  move_rest(err_);
  processes_.resume_harness();
  return record_of(*status_, overdue_ ? std::optional(api::ExitHow::kTimedOut) : ordered_, finished_at_);
}

void PointSupervisor::finish() {
  processes_.kill_all();
  drain(Monotonic::now() + kFinishTime);
  reap();
}

void PointSupervisor::poll_once(Monotonic::time_point until, int extra) {
  std::array<pollfd, 7> fds{{{signals_, POLLIN, 0},
                             {agent_lost_ ? -1 : agent_.fd(), POLLIN, 0},
                             // Nothing is moved any more once the agent is lost, so these would stay ready.
                             {agent_lost_ ? -1 : out_.wants_read(), POLLIN, 0},
                             {agent_lost_ ? -1 : err_.wants_read(), POLLIN, 0},
                             {agent_lost_ ? -1 : out_.wants_write(), POLLOUT, 0},
                             {agent_lost_ ? -1 : err_.wants_write(), POLLOUT, 0},
                             {extra, POLLIN, 0}}};
  if (::poll(fds.data(), fds.size(), poll_timeout(until)) < 0) return;
  if (fds[0].revents != 0 && Supervisor::read_outside_stop(signals_, whole_namespace_)) end(api::ExitHow::kTerminated);
  if (fds[1].revents != 0) take_orders();
  if (fds[2].revents != 0 || fds[4].revents != 0) move(out_);
  if (fds[3].revents != 0 || fds[5].revents != 0) move(err_);
}

void PointSupervisor::reap() {
  int status = 0;
  while (true) {
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended < 0 && errno == EINTR) continue;
    if (ended <= 0) return;
    if (ended == harness_) set_harness(-1);
    if (ended != entry_) continue;
    finished_at_ = SystemClock().now();
    status_ = status;
  }
}

void PointSupervisor::take_orders() {
  const auto packet = agent_.receive();
  if (!packet) {
    if (packet.error().kind != ErrorKind::kTimeout) lose_agent();
    return;
  }
  switch (packet->type) {
    case Message::kPoint:
      asked_ = parse_seconds(packet->payload);
      if (!asked_) lose_agent();
      return;
    case Message::kNoMorePoints:
      no_more_ = true;
      return;
    case Message::kCancel:
    case Message::kRefuse:  // the agent has met something that the run cannot go on with
      return end(api::ExitHow::kCancelled);
    default:
      return;
  }
}

void PointSupervisor::end(api::ExitHow why) {
  if (ordered_) return;
  ordered_ = why;
  if (entry_ > 0) end_point();
}

// Also when the point is overdue already: then its time goes on.
void PointSupervisor::end_point() {
  if (kill_at_) return;
  kill_at_ = Monotonic::now() + limits_.term_grace;
  processes_.terminate();
}

void PointSupervisor::lose_agent() {
  if (agent_lost_) return;
  agent_lost_ = true;
  note("the agent has gone away: ending the model");
  if (!ordered_) ordered_ = api::ExitHow::kLost;
  kill_at_ = Monotonic::now();
}

void PointSupervisor::check_clock() {
  const auto now = Monotonic::now();
  if (now >= run_ends_at_) end(api::ExitHow::kTimedOut);
  if (entry_ < 0) return;
  if (!ordered_ && !overdue_ && now >= point_ends_at_) {
    overdue_ = true;
    end_point();
  }
  if (kill_at_ && now >= *kill_at_) {
    (void)processes_.kill();
    kill_at_ = now + kKillAgain;
  }
}

Result<void> PointSupervisor::clear_processes() {
  const auto deadline = Monotonic::now() + kDeathTime;
  while (true) {
    const int left = processes_.kill();
    reap();
    if (left == 0) return {};
    if (Monotonic::now() >= deadline) {
      return fail(ErrorKind::kInternal, "{} processes of a point do not end though they are killed", left);
    }
    poll_once(Monotonic::now() + kDeathPoll);
  }
}

void PointSupervisor::drain(Monotonic::time_point deadline) {
  while (Monotonic::now() < deadline && !agent_lost_) {
    move(out_);
    move(err_);
    reap();
    if (out_.done() && err_.done()) return;
    std::array<pollfd, 4> fds{{{out_.wants_read(), POLLIN, 0},
                               {err_.wants_read(), POLLIN, 0},
                               {out_.wants_write(), POLLOUT, 0},
                               {err_.wants_write(), POLLOUT, 0}}};
    processes_.kill_all();
    ::poll(fds.data(), fds.size(), std::min(poll_timeout(deadline), 50));
  }
}

void PointSupervisor::move(StreamPump& pump) {
  if (!agent_lost_ && !pump.move(agent_)) lose_agent();
}

// All that write to the pipe are dead or stopped, so it becomes empty; it does not end, because the harness holds it.
void PointSupervisor::move_rest(StreamPump& pump) {
  while (!agent_lost_) {
    pollfd ready{pump.wants_read(), POLLIN, 0};
    if (::poll(&ready, 1, 0) <= 0) return;
    move(pump);
  }
}

}  // namespace modelrun::sandbox
