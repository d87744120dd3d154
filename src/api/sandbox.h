// The contract between the operator and the two containers of a run's pod: paths, environment, the run server's HTTP
// interface, and the result frame. Both sides compile this one header; nothing of it is kept anywhere else.
//
// The pod has two regular containers (src/ARCHITECTURE.md says why):
//   agent  trusted. Installs modelrun-sandbox and the harness into kAgentDir, fetches the source from the run server,
//          holds the model's output pipes, collects /outputs, prints and pushes the result.
//   model  untrusted. PID 1 is `kAgentDir/modelrun-sandbox exec -- ARGV...`, which puts up the sandbox and runs ARGV.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace modelrun::api {

// ---- Paths -------------------------------------------------------------------------------------------------------
inline constexpr std::string_view kAgentDir = "/modelrun";     // emptyDir: read-write in agent, read-only in model
inline constexpr std::string_view kRepoDir = "/repo";          // emptyDir: the commit's tree; read-only in model
inline constexpr std::string_view kInputsDir = "/inputs";      // parameters.json, when the run has parameters
inline constexpr std::string_view kDataDir = "/data";          // when the project has data
inline constexpr std::string_view kOutputsDir = "/outputs";    // tmpfs, written by model, read by agent
inline constexpr std::string_view kUpstreamDir = "/upstream";  // tmpfs, project scope only
inline constexpr std::string_view kTmpDir = "/tmp";            // tmpfs
inline constexpr std::string_view kAgentBinary = "/modelrun-sandbox";  // in the agent image
inline constexpr std::string_view kInstalledBinary = "/modelrun/modelrun-sandbox";
inline constexpr std::string_view kHarness = "/modelrun/harness.py";  // the Python harness, installed by agent
// Created last: everything else in kAgentDir is there. What the postStart hook waits for.
inline constexpr std::string_view kInstalledMarker = "/modelrun/.installed";
// `exec` connects here; gone before the model's code runs.
inline constexpr std::string_view kAgentSocket = "/modelrun/agent.sock";
// For the model container's terminationMessagePath. The kubelet binds a file of the node's disk there, writable by any
// uid and not counted against any limit: here it stands in a directory that the agent made without permissions, on a
// mount that is read-only in the model container, so that the model cannot get at it.
inline constexpr std::string_view kModelTerminationLog = "/modelrun/.sealed/termination-log";
inline constexpr std::string_view kAgentTerminationLog = "/dev/termination-log";
inline constexpr std::string_view kTokenFile = "/var/run/secrets/modelrun.dev/token";
inline constexpr std::string_view kTokenAudience = "modelrun.dev/run-server";

inline constexpr std::string_view kAgentContainer = "agent";
inline constexpr std::string_view kModelContainer = "model";

// ---- Environment -------------------------------------------------------------------------------------------------
// agent only:
inline constexpr const char* kEnvRunServer = "MODELRUN_RUN_SERVER";           // IP:PORT, never a name
inline constexpr const char* kEnvRunServerName = "MODELRUN_RUN_SERVER_NAME";  // the name its certificate must carry
inline constexpr const char* kEnvRunServerCa = "MODELRUN_RUN_SERVER_CA";      // PEM, one or more certificates
inline constexpr const char* kEnvNamespace = "MODELRUN_NAMESPACE";
inline constexpr const char* kEnvRunName = "MODELRUN_RUN_NAME";
inline constexpr const char* kEnvAttempt = "MODELRUN_ATTEMPT";
inline constexpr const char* kEnvStdoutBytes = "MODELRUN_STDOUT_BYTES";  // kept of each stream
inline constexpr const char* kEnvOutputBytes = "MODELRUN_OUTPUT_BYTES";  // outputs and artifacts in the frame
inline constexpr const char* kEnvConnectSeconds =
    "MODELRUN_CONNECT_SECONDS";  // wait for `exec`, and for the source; 600
// model only; `exec` takes them out of the environment before it starts the model:
inline constexpr const char* kEnvTimeout = "MODELRUN_TIMEOUT_SECONDS";
inline constexpr const char* kEnvLandlock = "MODELRUN_LANDLOCK";  // required | optional
// model, visible to the model's code (kEnvRunId in the agent too):
inline constexpr const char* kEnvRunId = "MODELRUN_RUN_ID";
inline constexpr const char* kEnvProject = "MODELRUN_PROJECT";
inline constexpr const char* kEnvCommit = "MODELRUN_COMMIT_SHA";
inline constexpr const char* kEnvScope = "MODELRUN_SCOPE";            // project | model
inline constexpr const char* kEnvEntryPoint = "MODELRUN_ENTRYPOINT";  // relative to /repo

// ---- Run server --------------------------------------------------------------------------------------------------
// HTTP/1.1 over TLS, POST, `Authorization: Bearer <projected service-account token>`. With P = kRunServerPrefix +
// "{namespace}/{run name}/{run uid}/{attempt}":
//   P/source   200 a gzip-compressed tar of the tree (header kDigestHeader: sha256 of the body). Granting it is the
//              permit to execute: it is given to one pod per attempt, after that pod stands in the run's status.
//   P/control  answers when there is an order: 200 {"action":"cancel"}; 204 after at most 25 s without one: ask again.
//   P/result   body: a ResultFrame (Content-Encoding: gzip). 200: committed to the API server.
// Every path: 401/403 not this pod's to ask; 409 the attempt is over, stop; 429/503 not now (not the leader, not
// ready): try again, on a new connection.
inline constexpr std::string_view kRunServerPrefix = "/v1/attempts/";
inline constexpr std::string_view kDigestHeader = "X-Modelrun-Sha256";

// ---- Result ------------------------------------------------------------------------------------------------------
// How the model's entry point ended, as `exec` (its parent) saw it.
enum class ExitHow {
  kExited,      // exit(code) before anybody sent a kill signal
  kSignaled,    // died of a signal that `exec` did not send
  kTimedOut,    // `exec` ended it at the time-out
  kCancelled,   // `exec` ended it on the run server's order
  kTerminated,  // `exec` got SIGTERM from outside (kubelet: eviction, deletion, shutdown) and ended it
  kLost,        // no exit record: the agent lost its connection to `exec`
  kNotStarted,  // the model's code never ran; ResultFrame::error says why
};
std::string_view to_string(ExitHow how);

struct ExitRecord {
  ExitHow how = ExitHow::kLost;
  std::optional<int> code;    // of exit(2), 0-255; absent when signalled or unknown
  std::optional<int> signal;  // the signal it died of
  std::optional<Time> started_at;
  std::optional<Time> finished_at;
  // Rise of the oom_kill counter of the container's cgroup between start and end.
  std::int64_t oom_kills = 0;
};

// What is kept of one output stream. Valid UTF-8. When not truncated, `head` is everything and `tail` is empty.
struct CapturedStream {
  std::string head;
  std::string tail;
  std::uint64_t total_bytes = 0;  // what the model wrote
  [[nodiscard]] bool truncated() const { return !tail.empty(); }
};

struct Artifact {
  std::string name;  // relative to /outputs
  std::uint64_t size = 0;
  std::string sha256;
  std::string media_type;
  std::optional<std::string> bytes;  // absent when there was no room for them
};

struct FrameError {
  std::string reason;  // one of the stable reasons, e.g. OutputsInvalid, SandboxSetupFailed
  std::string message;
};

struct ResultFrame {
  std::string run_uid;
  int attempt = 0;
  ExitRecord exit;
  CapturedStream out;
  CapturedStream err;
  // A JSON object; absent when the model left no outputs (not the same as {}).
  std::optional<nlohmann::json> outputs;
  std::vector<Artifact> artifacts;
  std::optional<FrameError> error;
  std::string warning;
  bool partial = false;  // never sent: the receiver knows that something is missing
};

// One JSON document. Artifact bytes are base64.
std::string encode_frame(const ResultFrame& frame);
Result<ResultFrame> decode_frame(std::string_view text);

// The durable copy on the agent's log: every line begins with kFrameLine; base64 of the gzip of encode_frame(), in
// lines short enough for the container log format, and a last line with digest and length of the document.
inline constexpr std::string_view kFrameLine = "MODELRUN-RESULT ";
std::string frame_to_log(const ResultFrame& frame);
// Finds the frame in an agent's log; lines that are not part of one are passed over. kNotFound when there is none,
// kInvalid when its digest is wrong or a part is missing.
Result<ResultFrame> frame_from_log(std::string_view log);

// The agent's termination message: at most 4,096 bytes (the kubelet's limit). Holds the exit record, the error and,
// when they fit, outputs and the ends of the streams; `complete` says that nothing was left out.
inline constexpr std::size_t kTerminationMessageBytes = 4096;
std::string frame_to_termination_message(const ResultFrame& frame);
struct CompactFrame {
  ResultFrame frame;
  bool complete = false;  // nothing was left out
};
Result<CompactFrame> frame_from_termination_message(std::string_view text);

// ---- Limits ------------------------------------------------------------------------------------------------------
inline constexpr std::size_t kMaxOutputBytes = 1U << 20U;  // 1 MiB of outputs, serialised
inline constexpr int kMaxJsonDepth = 100;
inline constexpr std::size_t kMaxFrameBytes = 16U << 20U;  // a frame that is larger is refused by the run server
inline constexpr std::chrono::seconds kTermGrace{5};       // between SIGTERM and SIGKILL

// ---- Exit codes of `exec` that are not the model's -----------------------------------------------------------------
inline constexpr int kExitAgentLost = 125;    // the agent went away; the model, if it ran, was killed
inline constexpr int kExitSetupFailed = 126;  // a ring of the sandbox could not be put up, or there is no such program
inline constexpr int kExitNoEntryPoint = 66;  // the harness: the entry file is not in the tree

}  // namespace modelrun::api
