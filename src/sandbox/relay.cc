#include "sandbox/relay.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "api/frame_json.h"
#include "api/strict_json.h"
#include "base/printable.h"
#include "sandbox/note.h"

namespace modelrun::sandbox {
namespace {

// Limits of draining each pipe after `exec` is gone. The time is for the last writers to die.
constexpr std::chrono::seconds kRelayDrainTime{2};
constexpr std::size_t kDrainBytes = 8U << 20U;

std::string_view reason_of(const Error& error) {
  if (error.kind == ErrorKind::kTooLarge) return "SourceTooLarge";
  return is_transient(error.kind) ? "SourceUnreachable" : "SandboxSetupFailed";
}

Result<api::ExitRecord> exit_of(const std::string& payload) {
  const auto value = api::parse_strict(payload);
  RETURN_IF_ERROR(value);
  return api::exit_from_json(*value);
}

}  // namespace

RelayedRun Relay::run(std::chrono::seconds connect) {
  wait_for_start(connect);
  listener_.close();
  if (!over_) relay();
  exec_.close();
  const bool lost = record_.how == api::ExitHow::kLost;
  return {record_,           out_.finish(),     err_.finish(),
          std::move(error_), std::move(rings_), lost && points_ ? points_->current() : std::nullopt};
}

void Relay::wait_for_start(std::chrono::seconds connect) {
  auto deadline = Monotonic::now() + connect;
  while (!over_ && !going_) {
    const bool connected = static_cast<bool>(exec_);
    // The source may end at any moment, also between two calls of poll. It is polled until poll has told its end, so
    // that none of them waits for something that has happened.
    std::array<pollfd, 3> fds{{{connected ? exec_.fd() : listener_.fd(), POLLIN, 0},
                               {fetched_ ? -1 : source_.done().fd(), POLLIN, 0},
                               {signals_, POLLIN, 0}}};
    // The deadline is not for a standby that is ready: work may come late, or never.
    const bool patient = ready_ && source_.awaits_work();
    if (::poll(fds.data(), fds.size(), patient ? -1 : poll_timeout(deadline)) < 0) continue;
    fetched_ = fetched_ || fds[1].revents != 0;
    on_start_events(fds[0].revents != 0, fds[2].revents != 0);
    // `exec` has just connected, so the wait for the source begins. It is one second longer than the fetch's own
    // limit so that the fetch fails first: its error says more than a time-out here.
    if (!connected && exec_) deadline = Monotonic::now() + connect + std::chrono::seconds(1);
    if (over_ || going_ || (ready_ && source_.awaits_work()) || Monotonic::now() < deadline) continue;
    not_started(exec_ && !waits_for_ready() ? "SourceUnreachable" : "SandboxSetupFailed", std::string(overdue()));
  }
}

// Whether it is `exec` that is not ready, and not the source.
bool Relay::waits_for_ready() const {
  return source_.awaits_ready() && !ready_ && (source_.awaits_work() || fetched_);
}

std::string_view Relay::overdue() const {
  if (!exec_) return "the model's container did not start in time";
  return waits_for_ready() ? "the preloaded modules were not there in time" : "the source did not come in time";
}

void Relay::on_start_events(bool connection, bool signal) {
  if (signal && read_signal()) return not_started("SandboxSetupFailed", "the pod was ended before the model started");
  if (connection && !exec_) {
    if (auto accepted = listener_.accept_once()) {
      exec_ = *std::move(accepted);
      if (!source_.awaits_work()) source_.start();
    }
  } else if (connection) {
    take_packets();
  }
  if (!fetched_ || over_) return;
  if (const auto fetched = source_.result(); fetched && !*fetched) {
    return not_started(std::string(reason_of(fetched->error())), fetched->error().message);
  }
  // Wait for the hello, which brings the pipes. Without the pipes, output that `exec` has not sent would die with it.
  if (!exec_ || !out_pipe_ || (source_.awaits_ready() && !ready_)) return;
  listener_.close();
  going_ = true;
  if (!exec_.send(Message::kGo, source_.go_payload())) return lose();
  orders_.start();
}

void Relay::relay() {
  while (!over_) {
    // What a run without rows, or one that is being cancelled, does not wait for is not polled.
    const bool of_points = rows_ != nullptr && !cancelled_;
    std::array<pollfd, 5> fds{{{exec_.fd(), POLLIN, 0},
                               {cancelled_ ? -1 : orders_.cancelled().fd(), POLLIN, 0},
                               {signals_, POLLIN, 0},
                               {of_points ? rows_->over().fd() : -1, POLLIN, 0},
                               {of_points && point_waits_ ? rows_->changed().fd() : -1, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    // The kubelet sends `exec` its own SIGTERM, and the exit record follows within the grace period.
    if (fds[2].revents != 0 && read_signal()) note("asked to end: waiting for the model's end");
    if (fds[1].revents != 0) cancel("cancelling the model");
    if (fds[3].revents != 0) cancel("the attempt is over: ending the model");
    if (fds[4].revents != 0) {
      rows_->changed().take();
      begin_point();
    }
    if (fds[0].revents != 0) take_packets();
  }
}

void Relay::cancel(std::string_view why) {
  if (std::exchange(cancelled_, true)) return;
  note("{}", why);
  (void)exec_.send(Message::kCancel);
}

// In a run without points it does nothing.
void Relay::start_points() {
  const api::PointList* list = source_.points();
  if (list == nullptr) return;
  if (rows_ == nullptr || points_) return lose();
  points_.emplace(layout_, *list, *rows_);
  begin_point();
}

// Or says that there are no more; or waits.
void Relay::begin_point() {
  if (over_ || cancelled_) return;
  point_waits_ = points_->must_wait();
  if (point_waits_) return;
  const auto point = points_->begin_next();
  if (!point) return not_started("SandboxSetupFailed", point.error().in("the parameters of a point").message);
  if (!exec_.send(*point ? Message::kPoint : Message::kNoMorePoints, point->value_or(""))) lose();
}

void Relay::end_point(const std::string& record) {
  const auto exit = exit_of(record);
  if (!points_ || !points_->current() || !exit) return lose();
  points_->end(*exit);
  begin_point();
}

void Relay::take_packets() {
  // The number is bounded so that a cancel or a signal is handled even while the model writes without pause.
  for (int i = 0; i < 64 && !over_; ++i) {
    auto packet = exec_.receive();
    if (packet) {
      take_packet(*std::move(packet));
    } else if (packet.error().kind == ErrorKind::kTimeout) {
      return;
    } else {
      return lose();
    }
  }
}

void Relay::take_packet(Packet packet) {
  switch (packet.type) {
    case Message::kHello:
      if (packet.fds.size() != 2 || out_pipe_) return lose();
      out_pipe_ = std::move(packet.fds[0]);
      err_pipe_ = std::move(packet.fds[1]);
      return;
    case Message::kReady:
      if (!source_.awaits_ready() || ready_) return lose();
      ready_ = true;
      if (source_.awaits_work()) source_.start();
      return;
    case Message::kStarted:
      record_.started_at = parse_rfc3339(packet.payload.substr(0, packet.payload.find(' ')));
      if (const auto space = packet.payload.find(' '); space != std::string::npos) {
        rings_ = printable(std::string_view(packet.payload).substr(space + 1), 64);
      }
      return start_points();
    case Message::kStdout:
      return out_.append(packet.payload);
    case Message::kStderr:
      if (points_) points_->take_stderr(packet.payload);
      return err_.append(packet.payload);
    case Message::kPointEnded:
      return end_point(packet.payload);
    case Message::kSetupFailed:
      return not_started("SandboxSetupFailed", packet.payload);
    case Message::kExit: {
      const auto record = exit_of(packet.payload);
      if (!record) return lose();
      record_ = *record;
      over_ = true;
      return;
    }
    default:
      return lose();
  }
}

void Relay::lose() {
  over_ = true;
  if (!going_) return not_started("SandboxSetupFailed", "the model's container ended before the model started");
  note("the connection to the model's container is lost");
  record_.how = api::ExitHow::kLost;
  record_.finished_at = SystemClock().now();
  drain(out_pipe_, out_);
  drain(err_pipe_, err_);
}

void Relay::not_started(std::string reason, std::string message) {
  note("{}: {}", reason, message);
  over_ = true;
  record_.how = api::ExitHow::kNotStarted;
  if (exec_) (void)exec_.send(Message::kRefuse, message);
  // The message may quote the run server, or a program name of the project.
  error_ = api::FrameError{std::move(reason), printable(message)};
}

void Relay::drain(UniqueFd& pipe, StreamCapture& into) const {
  const auto deadline = Monotonic::now() + kRelayDrainTime;
  std::array<char, 65536> chunk;
  std::size_t total = 0;
  while (pipe && total < kDrainBytes) {
    const ssize_t got = ::read(pipe.get(), chunk.data(), chunk.size());
    if (got > 0) {
      into.append({chunk.data(), static_cast<std::size_t>(got)});
      total += static_cast<std::size_t>(got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR) || !wait_ready(pipe.get(), POLLIN, -1, deadline)) {
      return;
    }
  }
}

bool Relay::read_signal() {
  signalfd_siginfo info{};
  return ::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info);
}

}  // namespace modelrun::sandbox
