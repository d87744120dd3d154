#include "sandbox/agent.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "api/points.h"
#include "api/reason.h"
#include "base/printable.h"
#include "sandbox/agent_config.h"
#include "sandbox/background.h"
#include "sandbox/collect.h"
#include "sandbox/environment.h"
#include "sandbox/install.h"
#include "sandbox/note.h"
#include "sandbox/relay.h"
#include "sandbox/result.h"
#include "sandbox/row_reporter.h"

namespace modelrun::sandbox {
namespace {

constexpr std::chrono::seconds kPushTime{120};
// How long the end of a run waits for its rows to be stored; and when the pod is being ended, which leaves half a
// minute.
constexpr std::chrono::seconds kRowTime{120};
constexpr std::chrono::seconds kRowTimeAtEnd{5};

Result<UniqueFd> open_agent_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  // Before any thread is created, so that all threads inherit the mask.
  return block_signals({SIGTERM, SIGINT});
}

// Writes the result to the log and to the termination message. These copies outlive this process and the run server.
void record_durably(const Layout& layout, const api::ResultFrame& frame) {
  if (auto written = write_all(STDOUT_FILENO, api::frame_to_log(frame)); !written) {
    note("the result could not be written to the log: {}", written.error().message);
  }
  const std::string path = layout.at(api::kAgentTerminationLog);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file || !write_all(file.get(), api::frame_to_termination_message(frame))) {
    note("the result could not be written to {}", path);
  }
}

void push(const RunServerClient& server, const api::ResultFrame& frame) {
  const auto pushed = server.push_result(frame, {.total = kPushTime}, -1);
  if (pushed) return;
  note("the result was not pushed ({}); the copy on this log is to be used", pushed.error().message);
}

// In a standby that was given no work the frame names no run.
api::ResultFrame frame_of(const AgentConfig& config, const std::optional<api::Work>& work, RelayedRun run) {
  api::ResultFrame frame = frame_of(std::move(run));
  frame.run_uid = work ? work->run_uid : config.server.run_uid;
  frame.attempt = work ? work->attempt : config.server.attempt;
  return frame;
}

// How many bytes of artifacts the frame, which has only its streams so far, may hold so that its JSON does not exceed
// kMaxFrameBytes: a larger frame would be lost as a whole. Control characters in the streams need six bytes each there.
std::size_t room_for_artifacts(const api::ResultFrame& frame, const AgentConfig& config) {
  constexpr std::size_t kLists = 2U << 20U;  // names of artifacts, warnings
  const std::size_t others = api::encode_frame(frame).size() + config.output_bytes + kLists;
  return (api::kMaxFrameBytes - std::min(others, api::kMaxFrameBytes)) / 4 * 3;
}

// The outputs of a run with points are in its rows. Those that the run server does not have in time go with the frame.
void finish_rows(RowReporter& rows, int signals, api::ResultFrame& frame) {
  const bool ending = frame.exit.how == api::ExitHow::kTerminated;
  auto left = rows.finish(ending ? kRowTimeAtEnd : kRowTime, ending ? -1 : signals, kRowTimeAtEnd);
  frame.rows = std::move(left.rows);
  frame.first_row = frame.rows.empty() ? 0 : left.first;
  if (left.refusal.empty() || frame.error || frame.exit.how != api::ExitHow::kExited) return;
  frame.error = api::FrameError{std::string(api::reason::kInternal),
                                printable("the run server did not take the rows of the points: " + left.refusal)};
}

// Puts the files of the model's container into the shared volume, and says then where the agent listens.
Result<void> install(const Layout& layout, const AgentSocket& listener) {
  if (auto installed = install_files(layout); !installed) return fail_in("install", installed.error());
  if (auto marked = write_marker(layout, listener.name()); !marked) return fail_in("install", marked.error());
  return {};
}

// Serves one run. Returns an error only when something fails before the model is waited for; the caller records it.
Result<void> serve(const Layout& layout, const AgentConfig& config, int signals) {
  auto server = RunServerClient::create(config.server, layout);
  RETURN_IF_ERROR(server);
  auto listener = AgentSocket::open(config.socket);
  RETURN_IF_ERROR(listener);
  const bool standby = !config.server.standby.empty();
  const SourceFetch source(*server, standby ? std::nullopt : std::optional(RetryPolicy{.total = config.connect}),
                           config.points);
  const CancelWatch orders(*server);
  std::optional<RowReporter> rows;
  // In a standby nobody knows yet whether the run will have points, and this is the time for threads.
  if (standby || config.points) {
    rows.emplace([&](const api::RowReport& report, int stop) { return server->report_rows(report, stop); });
  }
  if (!source.valid() || !orders.valid() || (rows && !rows->valid()))
    return fail(ErrorKind::kUnavailable, "the agent has no descriptors left");
  if (config.socket.empty()) RETURN_IF_ERROR(install(layout, *listener));

  Relay relay(layout, *listener, source, orders, rows ? &*rows : nullptr, signals, config.stream_bytes);
  RelayedRun relayed = relay.run(config.connect);
  api::ResultFrame frame = frame_of(config, server->work(), std::move(relayed));
  if (source.points() != nullptr) {
    finish_rows(*rows, signals, frame);
  } else if (frame.exit.how != api::ExitHow::kNotStarted) {
    CollectLimits limits;
    limits.outputs.bytes = config.output_bytes;
    limits.artifacts.bytes = std::min(config.artifact_bytes, room_for_artifacts(frame, config));
    add_outputs(frame, collect_outputs(layout.at(api::kOutputsDir), limits));
  }
  record_durably(layout, frame);
  if (!frame.run_uid.empty()) push(*server, frame);
  return {};
}

}  // namespace

int run_agent(const Layout& layout) {
  // Keeps processes of the same uid from reading our memory and descriptors. The model's container has our uid but
  // normally another pid namespace, so this matters only in a pod whose containers share one by mistake.
  (void)::prctl(PR_SET_DUMPABLE, 0);
  ::umask(022);
  const auto config = read_agent_config(inherited_environment());
  if (!config) {
    note("{}", config.error().message);
    return 1;
  }
  auto signals = open_agent_signals();
  const auto served = signals ? serve(layout, *config, signals->get()) : Result<void>(std::unexpected(signals.error()));
  if (served) return 0;
  note("{}", served.error().message);
  api::ResultFrame frame = frame_of(*config, std::nullopt, {});
  frame.exit.how = api::ExitHow::kNotStarted;
  frame.error = api::FrameError{"SandboxSetupFailed", served.error().message};
  record_durably(layout, frame);
  return 1;
}

}  // namespace modelrun::sandbox
