#include "sandbox/points_exec.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

#include "api/frame_json.h"
#include "api/json_access.h"
#include "sandbox/cgroup.h"
#include "sandbox/note.h"
#include "sandbox/point_supervisor.h"

namespace modelrun::sandbox {
namespace {

constexpr std::string_view kReady = "ready\n";
constexpr std::string_view kPointLine = "point\n";
constexpr std::string_view kGoLine = "go\n";

Result<pid_t> parse_pid(std::string_view line) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), pid);
  if (error == std::errc{} && end == line.data() + line.size() - 1 && pid > 1) return pid;
  return fail(ErrorKind::kInternal, "the harness has said something that is no process");
}

// Whatever the harness says: only a child of this process is watched as a point.
bool is_child(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

class Points {
 public:
  Points(PointsSetup setup, Channel& agent, int signals, bool whole_namespace)
      : setup_(std::move(setup)),
        agent_(agent),
        with_harness_(setup_.harness.has_value()),
        supervisor_(agent, signals, StreamPump(std::move(setup_.out_read), STDOUT_FILENO, Message::kStdout),
                    StreamPump(std::move(setup_.err_read), STDERR_FILENO, Message::kStderr),
                    {.timeout = setup_.timeout}, whole_namespace) {
    if (with_harness_) supervisor_.set_harness(setup_.harness->pid);
  }

  int run() {
    const Time started_at = SystemClock().now();
    const auto oom_before = read_oom_kills();
    (void)agent_.send(Message::kStarted, fmt::format("{} {}", format_rfc3339(started_at), setup_.rings));
    api::ExitRecord last;
    const auto done = run_all(last);
    const bool ended = supervisor_.end_cause().has_value();
    setup_.out_write.reset();
    setup_.err_write.reset();
    setup_.harness.reset();
    supervisor_.finish();
    if (supervisor_.agent_lost()) return api::kExitAgentLost;
    if (!done && !ended) return setup_failed(done.error());
    api::ExitRecord record = last;
    if (!ended) record.code = 0;
    record.how = supervisor_.end_cause().value_or(api::ExitHow::kExited);
    record.started_at = started_at;
    record.finished_at = SystemClock().now();
    record.oom_kills = read_oom_kills().value_or(0) - oom_before.value_or(0);
    (void)agent_.send(Message::kExit, api::json_text(api::exit_to_json(record)));
    return record.signal ? 128 + *record.signal : record.code.value_or(128 + SIGTERM);
  }

 private:
  int setup_failed(const Error& error) const {
    note("{}", error.message);
    (void)agent_.send(Message::kSetupFailed, error.message);
    return api::kExitSetupFailed;
  }

  // Until there are no more points or the run is to end; then `last` is how the end of the run has ended the point that
  // was under way, if one was. Every failure is one of the sandbox.
  Result<void> run_all(api::ExitRecord& last) {
    while (const auto timeout = supervisor_.await_point()) {
      const auto entry = begin_point();
      RETURN_IF_ERROR(entry);
      const Time started_at = SystemClock().now();
      const auto oom_before = read_oom_kills();
      RETURN_IF_ERROR(release(*entry));
      auto record = supervisor_.watch(*entry, *timeout);
      RETURN_IF_ERROR(record);
      last = *record;
      if (supervisor_.end_cause()) return {};
      last.started_at = started_at;
      last.oom_kills = read_oom_kills().value_or(0) - oom_before.value_or(0);
      (void)agent_.send(Message::kPointEnded, api::json_text(api::exit_to_json(last)));
      last = {};
    }
    return {};
  }

  // The process of a point, which with the harness waits for release().
  Result<pid_t> begin_point() {
    if (with_harness_) RETURN_IF_ERROR(ready_harness());
    for (const ScratchDirectory& directory : setup_.scratch) RETURN_IF_ERROR(directory.clear());
    if (!with_harness_) return launch(setup_.plan);
    auto pid = fork_harness();
    if (pid || pid.error().kind != ErrorKind::kUnavailable) return pid;
    // No process of a point is there to have ended it: there is no memory for it, or no room for another process.
    supervisor_.end_harness();
    RETURN_IF_ERROR(ready_harness());
    pid = fork_harness();
    if (pid || pid.error().kind != ErrorKind::kUnavailable) return pid;
    return fail(ErrorKind::kInternal, "the process that forks for each point could not do so, twice; see stderr");
  }

  Result<void> release(pid_t entry) {
    if (!with_harness_ || say(kGoLine)) return {};
    // The process ends because its harness has ended: that is the end of the point.
    note("the harness of the point's process {} has ended", entry);
    return {};
  }

  // What a point may do to a process of the same user it may do to the harness: kill it, which takes a new one, and
  // choose its processors, which are given back.
  Result<pid_t> fork_harness() {
    cpu_set_t processors;
    if (::sched_getaffinity(0, sizeof processors, &processors) == 0) {
      (void)::sched_setaffinity(setup_.harness->pid, sizeof processors, &processors);
    }
    RETURN_IF_ERROR(say(kPointLine));
    const auto line = supervisor_.await_line(setup_.harness->work.get());
    RETURN_IF_ERROR(line);
    const auto pid = parse_pid(*line);
    RETURN_IF_ERROR(pid);
    if (*pid != setup_.harness->pid && is_child(*pid)) return pid;
    return fail(ErrorKind::kInternal, "the harness has said that {} is the process of a point, which it is not", *pid);
  }

  Result<void> say(std::string_view text) { return send_line(*setup_.harness, text); }

  // Has a harness that has its work and has imported what it is to import.
  Result<void> ready_harness() {
    if (supervisor_.has_harness() && has_work_) return {};
    auto ready = try_harness();
    // What the entry point imports may end a process. Then the points find that out for themselves.
    if (!ready && ready.error().kind == ErrorKind::kUnavailable && imports_) {
      note("{} while it imported what the entry point imports: it will not", ready.error().message);
      imports_ = false;
      supervisor_.end_harness();
      ready = try_harness();
    }
    has_work_ = ready.has_value();
    if (ready || ready.error().kind != ErrorKind::kUnavailable) return ready;
    return fail(ErrorKind::kInternal, "the process that forks for each point has ended before it was ready");
  }

  Result<void> try_harness() {
    if (!supervisor_.has_harness()) {
      setup_.harness.reset();
      auto launched = launch_harness(setup_.plan);
      RETURN_IF_ERROR(launched);
      setup_.harness = std::move(*launched);
      supervisor_.set_harness(setup_.harness->pid);
      RETURN_IF_ERROR(await_ready());
    }
    RETURN_IF_ERROR(say(work_text(setup_.work, imports_ ? HarnessWork::kPoints : HarnessWork::kPointsWithoutImports)));
    return await_ready();
  }

  Result<void> await_ready() {
    const auto line = supervisor_.await_line(setup_.harness->work.get());
    RETURN_IF_ERROR(line);
    if (*line == kReady) return {};
    return fail(ErrorKind::kInternal, "the harness has said something that is no answer");
  }

  PointsSetup setup_;
  Channel& agent_;
  const bool with_harness_;
  PointSupervisor supervisor_;
  bool has_work_ = false;  // the harness that there is
  bool imports_ = true;    // it imports what the entry point imports
};

}  // namespace

int run_points(PointsSetup setup, Channel& agent, int signals, bool whole_namespace) {
  // PID 1 gets the points' processes, whose parents have ended, in any case.
  if (!whole_namespace) (void)::prctl(PR_SET_CHILD_SUBREAPER, 1);
  (void)set_nonblocking(STDOUT_FILENO);
  (void)set_nonblocking(STDERR_FILENO);
  return Points(std::move(setup), agent, signals, whole_namespace).run();
}

}  // namespace modelrun::sandbox
