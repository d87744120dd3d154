// What `exec` does in a standby (api/standby.h), and in a pod that was made for a run with points: it puts up the
// sandbox, has the harness load what is preloaded, and waits for the agent to bring work. The process that has loaded
// the modules goes on to be the model's, or the one from which the processes of the points are forked.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "api/standby.h"
#include "base/error.h"
#include "base/fd.h"
#include "sandbox/channel.h"
#include "sandbox/launcher.h"

namespace modelrun::sandbox {

// Waits, in `exec`, for what has to come before the model may run. Use it from one thread only.
class BeforeStart {
 public:
  // Keeps the reference to `agent`, which must outlive this object. `signals` is a non-blocking signalfd for SIGCHLD,
  // SIGTERM and SIGINT, which must be blocked; `out` and `err` are the read ends of the pipes to the model, which are
  // non-blocking. All stay the caller's.
  BeforeStart(const Channel& agent, int signals, int out, int err, bool whole_namespace)
      : agent_(agent), signals_(signals), out_(out), err_(err), whole_namespace_(whole_namespace) {}

  // Blocks until the agent says go, and returns the payload. Fails with kCancelled when a stop from outside comes
  // first, with kDenied when the agent refuses, with kInternal when the watched process ends, and as
  // Channel::receive() does when the agent goes away.
  Result<std::string> await_go() { return await(-1); }
  // Blocks until `fd`, which must be non-blocking, has brought a line. Fails as await_go() does.
  Result<void> await_line(int fd);
  // From now on the end of this child is a failure, and what it writes to its streams is thrown away: it is not the
  // model yet.
  void watch(pid_t child) { child_ = child; }
  // Throws away what is in the pipes.
  void discard();

 private:
  Result<std::string> await(int fd);
  Result<void> take_signals();

  const Channel& agent_;
  int signals_;
  int out_, err_;
  bool whole_namespace_;
  pid_t child_ = -1;
  std::string said_;  // the end of what the child wrote to its standard error
};

// A started harness that waits for work.
struct WaitingHarness {
  pid_t pid = -1;
  UniqueFd work;  // a connected stream socket; its other end is the standard input of the harness
};

// Starts the harness by `plan`. It says "ready\n" on the socket when it has loaded what it is to preload. Fails as
// launch() does, and with the errno of socketpair(2).
Result<WaitingHarness> launch_harness(LaunchPlan& plan);
// The same, and waits until it is ready. Fails as launch_harness() and BeforeStart::await_line() do. After a failure
// the harness may still run; it ends with this process.
Result<WaitingHarness> start_harness(LaunchPlan& plan, BeforeStart& before);

// What the harness does with its work: it runs the entry point, or it stays and forks for each point (points_exec.h),
// having imported what the entry point imports or not.
enum class HarnessWork { kRun, kPoints, kPointsWithoutImports };
// The line that gives the harness its work, with its '\n'.
std::string work_text(const api::Work& work, HarnessWork what);
// Sends `line` to the harness. Fails with kUnavailable if the harness has ended.
Result<void> send_line(const WaitingHarness& harness, std::string_view line);
// Gives the harness its work, upon which it runs the entry point. Fails as send_line() does.
Result<void> give_work(WaitingHarness harness, const api::Work& work);

// Adds the variables of the run to `plan`, and puts the entry point into its command.
void put_work(LaunchPlan& plan, const api::Work& work);

}  // namespace modelrun::sandbox
