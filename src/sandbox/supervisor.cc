#include "sandbox/supervisor.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "sandbox/note.h"

namespace modelrun::sandbox {
namespace {

// How long to drain the pipes after the final SIGKILL. By its end every process is dead, except one that hangs in the
// kernel.
constexpr std::chrono::seconds kDrainTime{2};

}  // namespace

api::ExitRecord record_of(int status, std::optional<api::ExitHow> ordered, Time finished_at) {
  api::ExitRecord record;
  record.finished_at = finished_at;
  if (WIFSIGNALED(status)) {
    record.signal = WTERMSIG(status);
    record.how = ordered.value_or(api::ExitHow::kSignaled);
  } else {
    record.code = WEXITSTATUS(status);
    record.how = ordered.value_or(api::ExitHow::kExited);
  }
  return record;
}

Supervisor::Observation Supervisor::watch(pid_t entry) {
  entry_ = entry;
  timeout_at_ = Monotonic::now() + limits_.timeout;
  while (true) {
    reap();
    if (status_) break;
    check_clock();
    poll_once(next_deadline());
  }
  kill_everything(SIGKILL);
  drain();
  return {record_of(*status_, ordered_, finished_at_), agent_lost_};
}

bool Supervisor::read_outside_stop(int signals, bool whole_namespace) {
  bool stop = false;
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGTERM && info.ssi_signo != SIGINT) continue;
    // A sender outside our pid namespace appears with pid 0. The model could make the kernel send us a signal through
    // asynchronous I/O, but the code of such a signal is not SI_USER.
    stop = stop || !whole_namespace || (info.ssi_code == SI_USER && info.ssi_pid == 0);
  }
  return stop;
}

void Supervisor::poll_once(Monotonic::time_point until) {
  std::array<pollfd, 6> fds{{{signals_, POLLIN, 0},
                             {agent_lost_ ? -1 : agent_.fd(), POLLIN, 0},
                             // Nothing is moved any more once the agent is lost, so these would stay ready.
                             {agent_lost_ ? -1 : out_.wants_read(), POLLIN, 0},
                             {agent_lost_ ? -1 : err_.wants_read(), POLLIN, 0},
                             {agent_lost_ ? -1 : out_.wants_write(), POLLOUT, 0},
                             {agent_lost_ ? -1 : err_.wants_write(), POLLOUT, 0}}};
  if (::poll(fds.data(), fds.size(), poll_timeout(until)) < 0) return;
  if (fds[0].revents != 0 && read_outside_stop(signals_, whole_namespace_)) end(api::ExitHow::kTerminated);
  if (fds[1].revents != 0) take_orders();
  if (fds[2].revents != 0 || fds[4].revents != 0) move(out_);
  if (fds[3].revents != 0 || fds[5].revents != 0) move(err_);
}

void Supervisor::reap() {
  int status = 0;
  while (true) {
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended < 0 && errno == EINTR) continue;
    if (ended <= 0) return;
    if (ended != entry_) continue;
    finished_at_ = SystemClock().now();
    status_ = status;
  }
}

void Supervisor::take_orders() {
  const auto packet = agent_.receive();
  if (!packet) {
    if (packet.error().kind != ErrorKind::kTimeout) lose_agent();
  } else if (packet->type == Message::kCancel) {
    end(api::ExitHow::kCancelled);
  }
}

void Supervisor::end(api::ExitHow why) {
  if (ordered_) return;
  ordered_ = why;
  kill_at_ = Monotonic::now() + limits_.term_grace;
  kill_everything(SIGTERM);
}

void Supervisor::lose_agent() {
  if (agent_lost_) return;
  agent_lost_ = true;
  note("the agent has gone away: ending the model");
  if (!ordered_) ordered_ = api::ExitHow::kLost;
  kill_at_ = Monotonic::now();
}

void Supervisor::check_clock() {
  const auto now = Monotonic::now();
  if (!ordered_ && now >= timeout_at_) end(api::ExitHow::kTimedOut);
  if (kill_at_ && now >= *kill_at_) {
    kill_everything(SIGKILL);
    // Kill again after 100 ms in case a new process escaped by a fork. The entry point's end comes as SIGCHLD.
    kill_at_ = now + std::chrono::milliseconds(100);
  }
}

Monotonic::time_point Supervisor::next_deadline() const {
  return kill_at_ ? *kill_at_ : timeout_at_;
}

void Supervisor::kill_everything(int signal) const {
  if (whole_namespace_) {
    ::kill(-1, signal);
  } else if (!status_ || signal == SIGKILL) {
    ::kill(-entry_, signal);
  }
}

void Supervisor::move(StreamPump& pump) {
  if (agent_lost_) return;
  if (!pump.move(agent_)) lose_agent();
}

void Supervisor::drain() {
  const auto deadline = Monotonic::now() + kDrainTime;
  while (Monotonic::now() < deadline && !agent_lost_) {
    move(out_);
    move(err_);
    reap();
    if (out_.done() && err_.done()) break;
    std::array<pollfd, 4> fds{{{out_.wants_read(), POLLIN, 0},
                               {err_.wants_read(), POLLIN, 0},
                               {out_.wants_write(), POLLOUT, 0},
                               {err_.wants_write(), POLLOUT, 0}}};
    kill_everything(SIGKILL);
    ::poll(fds.data(), fds.size(), std::min(poll_timeout(deadline), 50));
  }
  reap();
}

}  // namespace modelrun::sandbox
