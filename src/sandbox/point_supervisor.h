// Watches the points of a run (api/points.h) in `exec`, one after the other, and what is between them: the agent's
// orders, the clock of the run, the output of the model's processes. Like Supervisor, which watches the one process of
// a run without points, it is one poll loop of a single thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "api/sandbox.h"
#include "sandbox/channel.h"
#include "sandbox/io.h"
#include "sandbox/point_processes.h"
#include "sandbox/stream_pump.h"
#include "sandbox/supervisor.h"

namespace modelrun::sandbox {

// Use it from one thread only.
class PointSupervisor {
 public:
  // As for Supervisor. limits.timeout is that of the run, over all points, from now on.
  PointSupervisor(Channel& agent, int signals, StreamPump out, StreamPump err, SupervisorLimits limits,
                  bool whole_namespace);

  // Why the run is to end before all points are done; nullopt while it may go on. The first cause counts. Once there is
  // one, all waits below end, and what they return means nothing.
  [[nodiscard]] std::optional<api::ExitHow> end_cause() const { return ordered_; }
  [[nodiscard]] bool agent_lost() const { return agent_lost_; }

  // Blocks until the agent asks for a point, and returns the point's time-out. nullopt: there are no more points, or
  // the run is to end.
  std::optional<std::chrono::seconds> await_point();

  // The child `harness` outlives the points. It leads a process group.
  void set_harness(pid_t harness);
  // Kills and reaps the harness, if there is one.
  void end_harness();
  // True after set_harness() until that child has ended, or is seen to have.
  [[nodiscard]] bool has_harness() const { return harness_ > 0; }
  // Blocks until `fd`, the other end of the harness's socket, which must be non-blocking, has brought a line, and
  // returns it with its '\n'. Children other than the harness are not reaped meanwhile. Fails with kUnavailable when
  // the harness has ended, with kInternal for a line of more than 64 bytes, and with kCancelled when the run is to end.
  Result<std::string> await_line(int fd);

  // Watches the child `entry`, which must lead its process group, until it has ended, at the latest at the time-out:
  // then SIGTERM, and SIGKILL after limits.term_grace. The end of the run ends it in the same way. Then kills what is
  // left of the point's processes, waits until none is there, and moves the rest of their output. Returns how it ended,
  // without the start time and the OOM count; fails with kInternal when a process cannot be killed.
  Result<api::ExitRecord> watch(pid_t entry, std::chrono::seconds timeout);

  // Kills everything that is left, and moves the rest of the output for up to 2 s. Before, the caller closes its write
  // ends of the pipes. Call it once, as the last.
  void finish();

 private:
  void poll_once(Monotonic::time_point until, int extra = -1);
  void reap();
  bool harness_has_ended();
  void take_orders();
  void end(api::ExitHow why);
  void lose_agent();
  void check_clock();
  void end_point();
  Result<void> clear_processes();
  void drain(Monotonic::time_point deadline);
  void move(StreamPump& pump);
  void move_rest(StreamPump& pump);

  Channel& agent_;
  int signals_;
  StreamPump out_, err_;
  SupervisorLimits limits_;
  bool whole_namespace_;
  PointProcesses processes_;
  Monotonic::time_point run_ends_at_;

  std::optional<api::ExitHow> ordered_;
  bool agent_lost_ = false;
  bool no_more_ = false;
  std::optional<std::chrono::seconds> asked_;  // the time-out of the point that the agent wants next
  pid_t harness_ = -1;
  std::string line_;  // what has come of the harness's line

  // Of the point under way.
  pid_t entry_ = -1;
  Monotonic::time_point point_ends_at_;
  bool overdue_ = false;
  std::optional<Monotonic::time_point> kill_at_;
  std::optional<int> status_;
  Time finished_at_;
};

}  // namespace modelrun::sandbox
