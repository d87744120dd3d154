// Watches one running model until it has ended and its processes have been killed. A single thread runs one poll loop
// over signals, the agent's orders, the model's two pipes, the container's own log, and the clock.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "api/sandbox.h"
#include "sandbox/channel.h"
#include "sandbox/io.h"
#include "sandbox/stream_pump.h"

namespace modelrun::sandbox {

struct SupervisorLimits {
  std::chrono::seconds timeout;                            // of the model, from watch() on
  std::chrono::milliseconds term_grace = api::kTermGrace;  // from SIGTERM to SIGKILL
};

// How a child has ended whose status waitpid(2) gives: by itself, or by `ordered`. Without the start time and the OOM
// count. Pure.
api::ExitRecord record_of(int status, std::optional<api::ExitHow> ordered, Time finished_at);

// Supervises one model. Use it from one thread only.
class Supervisor {
 public:
  // Keeps the reference to `agent`, which must outlive this object. `signals`: a non-blocking signalfd for SIGCHLD,
  // SIGTERM and SIGINT, which must be blocked; not owned. `whole_namespace`: true when this process is PID 1 and
  // signals go to every other process of the pid namespace; false in tests, where signals go to the entry point's
  // process group.
  Supervisor(Channel& agent, int signals, StreamPump out, StreamPump err, SupervisorLimits limits, bool whole_namespace)
      : agent_(agent),
        signals_(signals),
        out_(std::move(out)),
        err_(std::move(err)),
        limits_(limits),
        whole_namespace_(whole_namespace) {}

  struct Observation {
    api::ExitRecord record;   // without the start time and the OOM count, which the caller fills in
    bool agent_lost = false;  // the connection to the agent broke
  };
  // Watches the child `entry`, the model's entry point, which must lead its process group. Blocks until it has ended.
  // Then kills the model's other processes, and waits up to 2 s for the pipes to end while it relays the rest of them
  // and reaps; processes that hang in the kernel may outlive that. When the agent is lost, the pipes are not drained.
  //
  // The time-out, the agent's kCancel, and a stop from outside end the model: SIGTERM to all its processes, SIGKILL
  // after `term_grace`. When the connection to the agent breaks, SIGKILL is sent at once. The first of these causes is
  // record.how; without one it is kExited or kSignaled. Call it once.
  Observation watch(pid_t entry);

  // Takes all pending signals from `signals`. Returns true when one of them is a SIGTERM or SIGINT from outside the pid
  // namespace: those of the model's processes do not count. Without `whole_namespace` every SIGTERM and SIGINT counts.
  static bool read_outside_stop(int signals, bool whole_namespace);

 private:
  void poll_once(Monotonic::time_point until);
  void reap();
  void take_orders();
  void end(api::ExitHow why);
  void lose_agent();
  void kill_everything(int signal) const;
  void drain();
  void move(StreamPump& pump);
  [[nodiscard]] Monotonic::time_point next_deadline() const;
  void check_clock();

  Channel& agent_;
  int signals_;
  StreamPump out_;
  StreamPump err_;
  SupervisorLimits limits_;
  bool whole_namespace_;

  pid_t entry_ = -1;
  Monotonic::time_point timeout_at_;
  std::optional<Monotonic::time_point> kill_at_;
  std::optional<api::ExitHow> ordered_;  // the first cause of an ordered end; later causes are ignored
  bool agent_lost_ = false;
  std::optional<int> status_;
  Time finished_at_;
};

}  // namespace modelrun::sandbox
