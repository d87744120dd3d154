#include "sandbox/exec.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

#include "api/frame_json.h"
#include "api/json_access.h"
#include "api/points.h"
#include "base/child_process.h"
#include "sandbox/cgroup.h"
#include "sandbox/environment.h"
#include "sandbox/landlock.h"
#include "sandbox/launcher.h"
#include "sandbox/note.h"
#include "sandbox/points_exec.h"
#include "sandbox/scratch_directory.h"
#include "sandbox/standby.h"
#include "sandbox/supervisor.h"

namespace modelrun::sandbox {
namespace {

constexpr int kConnectMs = 20'000;
constexpr int kPipeBytes = 1 << 20;
constexpr std::string_view kSharedMemoryDir = "/dev/shm";

// Everything that is ready before the agent says go. The slow parts are done while the agent still fetches the source.
struct Prepared {
  LaunchPlan plan;
  UniqueFd out_read, out_write, err_read, err_write;
  UniqueFd ruleset;
  std::chrono::seconds timeout{0};  // of a standby: known when it has work
  std::string prepare;              // kEnvPrepare; empty in a pod that was made for a run without points
  bool points = false;              // the pod was made for a run with points
};

// Protects this process from the model, which has the same uid: the model must not be able to read our memory and
// descriptors, to make us leave a core dump, or to stop us with a signal.
Result<void> protect_self() {
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return std::unexpected(errno_error("prctl(PR_SET_DUMPABLE)", errno));
  const rlimit none{kNoCore, kNoCore};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return std::unexpected(errno_error("RLIMIT_CORE", errno));
  for (int number = 1; number < NSIG; ++number) {
    const bool fault = number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE;
    const bool ours = number == SIGCHLD || number == SIGTERM || number == SIGINT || number == SIGABRT;
    if (!fault && !ours && number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_IGN);
  }
  return {};
}

Result<void> open_pipe(UniqueFd& read_end, UniqueFd& write_end) {
  auto pipe = make_pipe();
  RETURN_IF_ERROR(pipe);
  read_end = std::move(pipe->read);
  write_end = std::move(pipe->write);
  // When the container is killed, the output that is still in the pipe stays there for the agent. A larger pipe keeps
  // more of it. The kernel may refuse the size, which is harmless.
  (void)::fcntl(write_end.get(), F_SETPIPE_SZ, kPipeBytes);
  return set_nonblocking(read_end.get());
}

Result<std::chrono::seconds> parse_timeout(std::optional<std::string_view> text) {
  long seconds = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (seconds < 1) return fail(ErrorKind::kInvalid, "{} is not a number of seconds", api::kEnvTimeout);
  return std::chrono::seconds(seconds);
}

Result<void> prepare(const Layout& layout, std::vector<std::string> argv, Prepared& out) {
  const auto inherited = inherited_environment();
  out.prepare = find_variable(inherited, api::kEnvPrepare).value_or("");
  out.points = find_variable(inherited, api::kEnvPoints) == "1";
  if (out.prepare.empty() || out.points) {
    const auto timeout = parse_timeout(find_variable(inherited, api::kEnvTimeout));
    RETURN_IF_ERROR(timeout);
    out.timeout = *timeout;
  }
  const bool known = out.prepare == api::kPrepareHarness || out.prepare == api::kPrepareNothing;
  if (!known && (out.points || !out.prepare.empty())) {
    return fail(ErrorKind::kInvalid, "{}='{}': use {} or {}", api::kEnvPrepare, out.prepare, api::kPrepareHarness,
                api::kPrepareNothing);
  }
  const auto mode = parse_landlock_mode(find_variable(inherited, api::kEnvLandlock).value_or("required"));
  RETURN_IF_ERROR(mode);
  auto ruleset = make_landlock_ruleset(*mode, layout);
  if (!ruleset) return fail_in("the sandbox's ring 'landlock' could not be put up", ruleset.error());
  out.ruleset = *std::move(ruleset);
  auto seccomp = build_seccomp_policy();
  if (!seccomp) return fail_in("the sandbox's ring 'seccomp' could not be put up", seccomp.error());
  out.plan = {.argv = std::move(argv),
              .environment = model_environment(inherited, cpu_limit()),
              .directory = layout.at(api::kRepoDir),
              .stdout_fd = out.out_write.get(),
              .stderr_fd = out.err_write.get(),
              .landlock_ruleset = out.ruleset.get(),
              .seccomp = *std::move(seccomp)};
  return {};
}

int exit_code_of(const Supervisor::Observation& outcome) {
  if (outcome.agent_lost) return api::kExitAgentLost;
  return outcome.record.signal ? 128 + *outcome.record.signal : outcome.record.code.value_or(api::kExitAgentLost);
}

// The rings that launch() has put up: it fails when one of the plan's cannot be.
std::string rings_of(const LaunchPlan& plan) {
  std::string rings = fmt::format("{},{}", api::kRingProcess, api::kRingSeccomp);
  return plan.landlock_ruleset < 0 ? rings : fmt::format("{},{}", rings, api::kRingLandlock);
}

// What is known when the model's process is about to run.
struct Start {
  Time at;
  std::optional<std::int64_t> oom_kills;
};

Start start_now() {
  return {SystemClock().now(), read_oom_kills()};
}

int setup_failed(const Channel& agent, const Error& error) {
  note("{}", error.message);
  (void)agent.send(Message::kSetupFailed, error.message);
  return api::kExitSetupFailed;
}

// Watches the model's process to its end, and returns the container's exit code.
int supervise(Prepared& prepared, Channel& agent, int signals, bool whole_namespace, pid_t entry, const Start& start) {
  prepared.out_write.reset();
  prepared.err_write.reset();
  (void)agent.send(Message::kStarted, fmt::format("{} {}", format_rfc3339(start.at), rings_of(prepared.plan)));
  (void)set_nonblocking(STDOUT_FILENO);
  (void)set_nonblocking(STDERR_FILENO);
  Supervisor supervisor(agent, signals, StreamPump(std::move(prepared.out_read), STDOUT_FILENO, Message::kStdout),
                        StreamPump(std::move(prepared.err_read), STDERR_FILENO, Message::kStderr),
                        {.timeout = prepared.timeout}, whole_namespace);
  Supervisor::Observation outcome = supervisor.watch(entry);
  outcome.record.started_at = start.at;
  const auto oom_after = read_oom_kills();
  if (start.oom_kills && oom_after) outcome.record.oom_kills = *oom_after - *start.oom_kills;
  if (!outcome.agent_lost) (void)agent.send(Message::kExit, api::json_text(api::exit_to_json(outcome.record)));
  return exit_code_of(outcome);
}

// Starts the model's program, then supervises it; returns the exit code of the container.
int launch_and_supervise(Prepared& prepared, Channel& agent, int signals, bool whole_namespace) {
  const Start start = start_now();
  const auto entry = launch(prepared.plan);
  if (!entry) return setup_failed(agent, entry.error());
  return supervise(prepared, agent, signals, whole_namespace, *entry, start);
}

int not_started(const Error& error) {
  note("{}", error.message);
  return error.kind == ErrorKind::kCancelled ? 128 + SIGTERM : api::kExitAgentLost;
}

// In a pod that was made for a run: waits for the agent's go, and runs the model.
int run_model(Prepared& prepared, Channel& agent, int signals, bool whole_namespace) {
  BeforeStart before(agent, signals, prepared.out_read.get(), prepared.err_read.get(), whole_namespace);
  if (const auto go = before.await_go(); !go) return not_started(go.error());
  return launch_and_supervise(prepared, agent, signals, whole_namespace);
}

// The directories that are emptied before each point: all that a model can write to.
std::vector<ScratchDirectory> scratch_of(const Layout& layout) {
  std::vector<ScratchDirectory> found;
  for (const std::string_view path : {api::kOutputsDir, api::kTmpDir, api::kUpstreamDir, kSharedMemoryDir}) {
    if (auto each = ScratchDirectory::find(layout.at(path))) found.push_back(*std::move(each));
  }
  return found;
}

int run_points_of(Prepared& prepared, std::optional<WaitingHarness> harness, api::Work work,
                  std::vector<ScratchDirectory> scratch, Channel& agent, int signals, bool whole_namespace) {
  if (!harness) put_work(prepared.plan, work);
  const std::string rings = rings_of(prepared.plan);
  return run_points({.plan = std::move(prepared.plan),
                     .out_read = std::move(prepared.out_read),
                     .out_write = std::move(prepared.out_write),
                     .err_read = std::move(prepared.err_read),
                     .err_write = std::move(prepared.err_write),
                     .timeout = prepared.timeout,
                     .harness = std::move(harness),
                     .work = std::move(work),
                     .rings = rings,
                     .scratch = std::move(scratch)},
                    agent, signals, whole_namespace);
}

// A pod that was made for its run has all else from its beginning.
Result<api::Work> work_of_made_pod(std::chrono::seconds timeout) {
  api::Work work;
  work.timeout = timeout;
  work.points = true;
  return work;
}

// In a standby, and in a pod that was made for a run with points: prepares, waits for work, and runs it.
int run_prepared(const Layout& layout, Prepared& prepared, Channel& agent, int signals, bool whole_namespace) {
  auto scratch = scratch_of(layout);
  BeforeStart before(agent, signals, prepared.out_read.get(), prepared.err_read.get(), whole_namespace);
  std::optional<WaitingHarness> harness;
  if (prepared.prepare == api::kPrepareHarness) {
    auto started = start_harness(prepared.plan, before);
    if (!started && started.error().kind == ErrorKind::kCancelled) return not_started(started.error());
    if (!started) return setup_failed(agent, started.error());
    harness = std::move(*started);
  }
  (void)agent.send(Message::kReady);
  const auto go = before.await_go();
  if (!go && go.error().kind == ErrorKind::kInternal) return setup_failed(agent, go.error());
  if (!go) return not_started(go.error());
  auto work = prepared.points ? work_of_made_pod(prepared.timeout) : api::decode_work(*go);
  if (!work) return setup_failed(agent, work.error());
  prepared.timeout = work->timeout;
  if (harness) before.discard();
  if (work->points) {
    return run_points_of(prepared, std::move(harness), *std::move(work), std::move(scratch), agent, signals,
                         whole_namespace);
  }
  if (!harness) {
    put_work(prepared.plan, *work);
    return launch_and_supervise(prepared, agent, signals, whole_namespace);
  }
  const Start start = start_now();
  const pid_t entry = harness->pid;
  if (auto given = give_work(std::move(*harness), *work); !given) return setup_failed(agent, given.error());
  return supervise(prepared, agent, signals, whole_namespace, entry, start);
}

}  // namespace

int run_exec(const Layout& layout, std::vector<std::string> argv) {
  const bool whole_namespace = ::getpid() == 1;
  const auto failed = [](const Error& error, int code) {
    note("{}", error.message);
    return code;
  };
  auto signals = block_signals({SIGCHLD, SIGTERM, SIGINT});
  if (!signals) return failed(signals.error(), api::kExitSetupFailed);
  const auto inherited = inherited_environment();
  const auto socket = find_variable(inherited, api::kEnvAgentSocket);
  auto agent = socket ? Channel::connect_named(std::string(*socket), kConnectMs)
                      : Channel::connect(layout.at(api::kInstalledMarker), kConnectMs);
  if (!agent) return failed(agent.error(), api::kExitAgentLost);

  Prepared prepared;
  auto ready = protect_self();
  if (ready && !whole_namespace && !layout.is_test()) {
    ready = fail(ErrorKind::kInvalid,
                 "exec is not PID 1: the pod must not share a process namespace (hostPID, "
                 "shareProcessNamespace)");
  }
  if (ready) ready = open_pipe(prepared.out_read, prepared.out_write);
  if (ready) ready = open_pipe(prepared.err_read, prepared.err_write);
  if (ready) ready = agent->send(Message::kHello, {}, {prepared.out_read.get(), prepared.err_read.get()});
  if (ready) ready = prepare(layout, std::move(argv), prepared);
  if (!ready) return setup_failed(*agent, ready.error());
  if (prepared.prepare.empty()) return run_model(prepared, *agent, signals->get(), whole_namespace);
  return run_prepared(layout, prepared, *agent, signals->get(), whole_namespace);
}

}  // namespace modelrun::sandbox
