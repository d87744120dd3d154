#include "sandbox/exec.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "api/frame_json.h"
#include "api/json_access.h"
#include "base/child_process.h"
#include "sandbox/cgroup.h"
#include "sandbox/environment.h"
#include "sandbox/landlock.h"
#include "sandbox/launcher.h"
#include "sandbox/note.h"
#include "sandbox/supervisor.h"

namespace modelrun::sandbox {
namespace {

constexpr int kConnectMs = 20'000;
constexpr int kPipeBytes = 1 << 20;

// Everything that is ready before the agent says go. The slow parts are done while the agent still fetches the source.
struct Prepared {
  LaunchPlan plan;
  UniqueFd out_read, out_write, err_read, err_write;
  UniqueFd ruleset;
  std::chrono::seconds timeout{0};
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
  const auto timeout = parse_timeout(find_variable(inherited, api::kEnvTimeout));
  RETURN_IF_ERROR(timeout);
  out.timeout = *timeout;
  const auto mode = parse_landlock_mode(find_variable(inherited, api::kEnvLandlock).value_or("required"));
  RETURN_IF_ERROR(mode);
  auto ruleset = make_landlock_ruleset(*mode, layout);
  if (!ruleset) return fail_in("the sandbox's ring 'landlock' could not be put up", ruleset.error());
  out.ruleset = *std::move(ruleset);
  auto seccomp = build_seccomp_policy();
  if (!seccomp) return fail_in("the sandbox's ring 'seccomp' could not be put up", seccomp.error());
  out.plan = {std::move(argv),          model_environment(inherited, cpu_limit()),
              layout.at(api::kRepoDir), out.out_write.get(),
              out.err_write.get(),      out.ruleset.get(),
              *std::move(seccomp)};
  return {};
}

// Blocks until the agent says go. Fails with kCancelled when a stop from outside comes first, with kDenied when the
// agent refuses, and as Channel::receive() does when the agent goes away.
Result<void> await_go(const Channel& agent, int signals, bool whole_namespace) {
  while (true) {
    std::array<pollfd, 2> fds{{{agent.fd(), POLLIN, 0}, {signals, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[1].revents != 0 && Supervisor::read_outside_stop(signals, whole_namespace)) {
      return fail(ErrorKind::kCancelled, "stopped before the model started");
    }
    if (fds[0].revents == 0) continue;
    const auto packet = agent.receive();
    if (!packet && packet.error().kind == ErrorKind::kTimeout) continue;
    if (!packet) return fail_in("the agent went away before the model started", packet.error());
    if (packet->type == Message::kGo) return {};
    if (packet->type == Message::kRefuse) return fail(ErrorKind::kDenied, "the agent: {}", packet->payload);
  }
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

// Runs the model, from the agent's go to the exit record, and returns the container's exit code.
int run_model(Prepared& prepared, Channel& agent, int signals, bool whole_namespace) {
  const auto oom_before = read_oom_kills();
  const Time started_at = SystemClock().now();
  const auto entry = launch(prepared.plan);
  if (!entry) {
    note("{}", entry.error().message);
    (void)agent.send(Message::kSetupFailed, entry.error().message);
    return api::kExitSetupFailed;
  }
  prepared.out_write.reset();
  prepared.err_write.reset();
  (void)agent.send(Message::kStarted, fmt::format("{} {}", format_rfc3339(started_at), rings_of(prepared.plan)));
  (void)set_nonblocking(STDOUT_FILENO);
  (void)set_nonblocking(STDERR_FILENO);
  Supervisor supervisor(agent, signals, StreamPump(std::move(prepared.out_read), STDOUT_FILENO, Message::kStdout),
                        StreamPump(std::move(prepared.err_read), STDERR_FILENO, Message::kStderr),
                        {.timeout = prepared.timeout}, whole_namespace);
  Supervisor::Observation outcome = supervisor.watch(*entry);
  outcome.record.started_at = started_at;
  const auto oom_after = read_oom_kills();
  if (oom_before && oom_after) outcome.record.oom_kills = *oom_after - *oom_before;
  if (!outcome.agent_lost) (void)agent.send(Message::kExit, api::json_text(api::exit_to_json(outcome.record)));
  return exit_code_of(outcome);
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
  auto agent = Channel::connect(layout.at(api::kInstalledMarker), kConnectMs);
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
  if (!ready) {
    (void)agent->send(Message::kSetupFailed, ready.error().message);
    return failed(ready.error(), api::kExitSetupFailed);
  }
  if (auto go = await_go(*agent, signals->get(), whole_namespace); !go) {
    return failed(go.error(), go.error().kind == ErrorKind::kCancelled ? 128 + SIGTERM : api::kExitAgentLost);
  }
  return run_model(prepared, *agent, signals->get(), whole_namespace);
}

}  // namespace modelrun::sandbox
