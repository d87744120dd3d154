// Watches one running model until nothing of it is left. Single-threaded: one poll loop over signals, the agent's
// orders, the model's two pipes, our own log, and the clock.
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
  std::chrono::seconds timeout;
  std::chrono::milliseconds term_grace = api::kTermGrace;
};

class Supervisor {
 public:
  // `signals`: a signalfd for SIGCHLD, SIGTERM and SIGINT; not owned. `whole_namespace`: we are PID 1, and signals go
  // to every process; otherwise (tests) to the entry point's process group.
  Supervisor(Channel& agent, int signals, StreamPump out, StreamPump err, SupervisorLimits limits, bool whole_namespace)
      : agent_(agent),
        signals_(signals),
        out_(std::move(out)),
        err_(std::move(err)),
        limits_(limits),
        whole_namespace_(whole_namespace) {}

  struct Outcome {
    api::ExitRecord record;
    bool agent_lost = false;
  };
  // Returns when the entry point has ended, the rest is killed and reaped, and the pipes are drained. The start time
  // and the OOM count are the caller's to fill in.
  Outcome watch(pid_t entry);

  // True when SIGTERM or SIGINT has come from outside the pid namespace. What a model sends does not count.
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
  std::optional<api::ExitHow> ordered_;  // the first cause wins
  bool agent_lost_ = false;
  std::optional<int> status_;
  Time finished_at_;
};

}  // namespace modelrun::sandbox
