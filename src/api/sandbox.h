// The contract between the operator and the two containers of a run's pod: paths, environment variables, the HTTP
// interface of the run server, and the result frame with its three encodings. The operator and the static program
// modelrun-sandbox both compile this header; it is the only definition. The functions are pure and thread-safe.
//
// The pod has two regular containers (src/ARCHITECTURE.md describes how they start):
//   agent  Trusted. It fetches the source from the run server, holds the pipes of the model's output, collects
//          /outputs, and prints and pushes the result.
//   model  Untrusted. Its PID 1 is `kAgentDir/modelrun-sandbox exec -- ARGV...` (below: `exec`), which sets up the
//          sandbox and runs ARGV.
// The model's container has modelrun-sandbox and the harness in kAgentDir. They come there in one of two ways:
//   mounted    kAgentDir is a volume of the agent's image, which has these files at its root. kEnvAgentSocket is set.
//   installed  kAgentDir is an emptyDir, into which the agent copies them when it starts. The kubelet starts the
//              model's container only after that: the agent has a postStart hook that waits for kInstalledMarker.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_text.h"
#include "base/clock.h"
#include "base/error.h"

namespace modelrun::api {

// ---- Paths -------------------------------------------------------------------------------------------------------
inline constexpr std::string_view kAgentDir = "/modelrun";   // read-only in model; if installed, read-write in agent
inline constexpr std::string_view kRepoDir = "/repo";        // emptyDir: the files of the commit; read-only in model
inline constexpr std::string_view kInputsDir = "/inputs";    // holds parameters.json; only when the run has parameters
inline constexpr std::string_view kDataDir = "/data";        // read-only; only when the project has data
inline constexpr std::string_view kOutputsDir = "/outputs";  // tmpfs, written by model, read by agent
inline constexpr std::string_view kUpstreamDir = "/upstream";          // tmpfs, only in runs of scope `project`
inline constexpr std::string_view kTmpDir = "/tmp";                    // tmpfs
inline constexpr std::string_view kAgentBinary = "/modelrun-sandbox";  // in the image of the agent
inline constexpr std::string_view kInstalledBinary = "/modelrun/modelrun-sandbox";
inline constexpr std::string_view kHarness = "/modelrun/harness.py";  // the Python harness; its modules lie beside it
// Only if installed: the agent creates this file last. When it exists, everything that the model container needs in
// kAgentDir exists. The postStart hook of the agent waits for it. It holds the name of the abstract unix socket to
// which `exec` connects; the agent stops listening there once `exec` is connected, before the model's code runs.
inline constexpr std::string_view kInstalledMarker = "/modelrun/.installed";
// The terminationMessagePath of the model container. The kubelet mounts a file of the node's disk there; any uid may
// write to it, and its size counts against no limit. So that the model cannot reach the file, the path is in a
// directory that the agent creates without permissions, on a mount that is read-only in the model container.
inline constexpr std::string_view kModelTerminationLog = "/modelrun/.sealed/termination-log";
inline constexpr std::string_view kAgentTerminationLog = "/dev/termination-log";
inline constexpr std::string_view kTokenFile = "/var/run/secrets/modelrun.dev/token";
inline constexpr std::string_view kTokenAudience = "modelrun.dev/run-server";

inline constexpr std::string_view kAgentContainer = "agent";
inline constexpr std::string_view kModelContainer = "model";

// The volume at kAgentDir.
inline constexpr std::string_view kFilesVolume = "modelrun";

// ---- Environment -------------------------------------------------------------------------------------------------
// Of both, if the files are mounted: the name of the abstract unix socket at which the agent listens for `exec`, at
// most 107 bytes, until `exec` is connected. The agent installs nothing then. `exec` removes it from the environment
// before it starts the model.
inline constexpr const char* kEnvAgentSocket = "MODELRUN_AGENT_SOCKET";
inline constexpr std::string_view kAgentSocket = "modelrun-agent";  // its value in a pod; the name is the pod's own
// Of the agent only:
inline constexpr const char* kEnvRunServer = "MODELRUN_RUN_SERVER";           // IP:PORT, never a name
inline constexpr const char* kEnvRunServerName = "MODELRUN_RUN_SERVER_NAME";  // the name its certificate must carry
inline constexpr const char* kEnvRunServerCa = "MODELRUN_RUN_SERVER_CA";      // PEM, one or more certificates
inline constexpr const char* kEnvNamespace = "MODELRUN_NAMESPACE";
inline constexpr const char* kEnvRunName = "MODELRUN_RUN_NAME";
inline constexpr const char* kEnvAttempt = "MODELRUN_ATTEMPT";
inline constexpr const char* kEnvStdoutBytes = "MODELRUN_STDOUT_BYTES";      // bytes kept of each stream
inline constexpr const char* kEnvOutputBytes = "MODELRUN_OUTPUT_BYTES";      // bytes of outputs in the frame, as JSON
inline constexpr const char* kEnvArtifactBytes = "MODELRUN_ARTIFACT_BYTES";  // bytes of artifacts in it, compressed
inline constexpr const char* kEnvConnectSeconds =
    "MODELRUN_CONNECT_SECONDS";  // how long to wait for `exec` and the source; default 600
// Of the model container only. `exec` removes them from the environment before it starts the model:
inline constexpr const char* kEnvTimeout = "MODELRUN_TIMEOUT_SECONDS";
inline constexpr const char* kEnvLandlock = "MODELRUN_LANDLOCK";  // required | optional
// The names of rings in ResultFrame::rings.
inline constexpr std::string_view kRingProcess = "process";
inline constexpr std::string_view kRingSeccomp = "seccomp";
inline constexpr std::string_view kRingLandlock = "landlock";
// Of the model container, visible to the model's code (the agent gets kEnvRunId, too):
inline constexpr const char* kEnvRunId = "MODELRUN_RUN_ID";
inline constexpr const char* kEnvProject = "MODELRUN_PROJECT";
inline constexpr const char* kEnvCommit = "MODELRUN_COMMIT_SHA";
inline constexpr const char* kEnvScope = "MODELRUN_SCOPE";            // project | model
inline constexpr const char* kEnvEntryPoint = "MODELRUN_ENTRYPOINT";  // relative to /repo

// ---- Run server --------------------------------------------------------------------------------------------------
// HTTP/1.1 over TLS. Every request is a POST with `Authorization: Bearer TOKEN`, where TOKEN is the projected
// service-account token in kTokenFile. With P = kRunServerPrefix + "{namespace}/{run name}/{run uid}/{attempt}":
//   P/source   200: a gzip-compressed tar of the commit's files; the header kDigestHeader has the sha256 of the body.
//              This answer is the permit to execute. Only one pod of an attempt gets it, and only after the UID of
//              that pod has been written to the run's status.
//   P/control  A long poll for orders. 200 {"action":"cancel"}: end the model. 204: there was no order within 25 s;
//              ask again.
//   P/result   The request body is a ResultFrame (encode_frame()), with or without Content-Encoding: gzip. 200: the
//              result has been committed to the API server.
// On every path, 401 and 403 mean that this pod may not ask; 409 that the attempt is over and the pod must stop; 429
// and 503 that the server cannot answer now: try again on a new connection; at once if kRetryAtOnce comes with it,
// which says that another replica leads. For other statuses see status_of() in runserver/route.h.
inline constexpr std::string_view kRunServerPrefix = "/v1/attempts/";
inline constexpr std::string_view kDigestHeader = "X-Modelrun-Sha256";
inline constexpr std::string_view kRetryHeader = "Retry-After";
inline constexpr std::string_view kRetryAtOnce = "0";  // its value in the answer of a replica that does not lead

// ---- Result ------------------------------------------------------------------------------------------------------
// How the process of the model's entry point ended, as seen by `exec`, which is its parent.
enum class ExitHow {
  kExited,      // it called exit(code), and `exec` had not begun to end it
  kSignaled,    // it died of a signal, and `exec` had not begun to end it
  kTimedOut,    // `exec` ended it at the time-out
  kCancelled,   // `exec` ended it because the run server ordered so
  kTerminated,  // `exec` ended it after SIGTERM or SIGINT from outside (kubelet: eviction, deletion, shutdown)
  kLost,        // there is no exit record: the agent and `exec` lost their connection
  kNotStarted,  // the model's code never ran, or the next point cannot be begun; ResultFrame::error says why
};
// Returns the word in the encodings, for example "TimedOut".
std::string_view to_string(ExitHow how);

struct ExitRecord {
  ExitHow how = ExitHow::kLost;
  std::optional<int> code;    // exit code, 0-255; absent when a signal ended the process, or when it is unknown
  std::optional<int> signal;  // the signal that ended the process, 1-64
  std::optional<Time> started_at;
  std::optional<Time> finished_at;
  // How much the oom_kill counter of the container's cgroup rose between start and end.
  std::int64_t oom_kills = 0;
};

// The part of one output stream that is kept, as valid UTF-8. When the stream is not truncated, `head` is all of it
// and `tail` is empty. One exception: in a frame from a termination message that is not complete, a stream for which
// there was no room at all has both empty, and only `total_bytes` tells that something is missing.
struct CapturedStream {
  std::string head;
  std::string tail;
  std::uint64_t total_bytes = 0;  // bytes that the model wrote
  [[nodiscard]] bool truncated() const { return !tail.empty(); }
};

// A file under /outputs that is not one of the outputs.
struct Artifact {
  std::string name;  // path relative to /outputs
  std::uint64_t size = 0;
  std::string sha256;  // 64 hex digits, or empty when it was not computed
  std::string media_type;
  std::optional<std::string> bytes;  // the contents, see contents_of(); absent when they were not kept
  bool gzip = false;                 // `bytes` are one gzip member that holds the contents
};

// Returns the contents of `artifact`, decompressed. kNotFound when they were not kept. kTooLarge when they exceed
// kMaxArtifactContents; kInvalid when they are damaged or have another size than artifact.size. Needs at most
// kMaxArtifactContents of memory, whatever a model has put into the artifact.
Result<std::string> contents_of(const Artifact& artifact);

struct FrameError {
  std::string reason;  // one of api/reason.h, for example OutputsInvalid or SandboxSetupFailed
  std::string message;
};

// The result of one attempt, as the agent reports it.
struct ResultFrame {
  std::string run_uid;
  int attempt = 0;
  ExitRecord exit;
  CapturedStream out;
  CapturedStream err;
  // A JSON object. Absent when the model left no outputs, which is not the same as {}.
  std::optional<JsonText> outputs;
  std::vector<Artifact> artifacts;
  // Which artifacts are not here whole, why, and what to do, for people; empty when all were kept.
  std::string artifact_loss;
  std::optional<FrameError> error;
  std::string warning;  // for people; empty when there is none
  std::string rings;    // of the sandbox that stood around the model, by commas; empty when it was not started
  // Of a run with points (api/points.h), whose outputs are in its rows:
  std::vector<std::string> rows;         // encode_row() each: those that the agent does not know to be stored
  std::int64_t first_row = 0;            // the number of the first of them in the attempt
  std::optional<std::int64_t> at_point;  // the point that was executed when the sandbox was lost
  bool partial = false;  // not encoded: the receiver sets it when it knows that a part of the result is lost
};

// About how many bytes of memory the frame needs: those of its texts.
std::size_t frame_bytes(const ResultFrame& frame);

// Returns the frame as one JSON document, the body of P/result. The contents of an artifact are base64: `gzip` when
// they are compressed, else `bytes`.
std::string encode_frame(const ResultFrame& frame);
// Returns kTooLarge when `text` has more than kMaxFrameBytes, and kInvalid when it is not a valid frame. Safe for
// hostile text: the memory that it needs is a small multiple of the text's size, whatever is in it.
Result<ResultFrame> decode_frame(std::string_view text);

// Returns the durable copy for the agent's log. Every line begins with kFrameLine. The lines carry the base64 of the
// gzip of encode_frame(), in parts short enough that the container runtime does not split the lines; the last line
// carries the digest and the length of the document, and the number of parts.
inline constexpr std::string_view kFrameLine = "MODELRUN-RESULT ";
std::string frame_to_log(const ResultFrame& frame);
// Finds the last complete frame in the agent's log and ignores all other lines. If there is none: returns kNotFound
// when no frame begins or ends in the log; kInvalid when a part is missing, the digest does not match, or the
// document is not a frame; kTooLarge when the document has more than `most` bytes, which is at most kMaxFrameBytes.
inline constexpr std::size_t kMaxFrameBytes = 16U << 20U;  // the run server refuses a larger frame (413)
Result<ResultFrame> frame_from_log(std::string_view log, std::size_t most = kMaxFrameBytes);

// Returns the agent's termination message: JSON of at most 4,096 bytes, which is the kubelet's limit. When the whole
// frame does not fit, it keeps the exit record, the error (with a shortened message if need be), and as far as there
// is room the outputs, the warning and the ends of the streams; artifacts are left out.
inline constexpr std::size_t kTerminationMessageBytes = 4096;
std::string frame_to_termination_message(const ResultFrame& frame);
struct CompactFrame {
  ResultFrame frame;
  bool complete = false;  // the message holds the whole frame
};
// Returns kNotFound when `text` is empty, and kInvalid when it does not contain a frame.
Result<CompactFrame> frame_from_termination_message(std::string_view text);

// ---- Limits ------------------------------------------------------------------------------------------------------
inline constexpr std::size_t kMaxOutputBytes = 1U << 20U;  // 1 MiB: the default of kEnvOutputBytes
inline constexpr int kMaxJsonDepth = 100;                  // levels of nesting in the outputs
inline constexpr std::size_t kMaxArtifacts = 200;          // files that a frame lists
// Bytes of the artifacts of a frame together, each compressed if that makes it smaller. The base64 of the maximum is
// 10.7 MiB, which leaves a third of kMaxFrameBytes to streams and outputs.
inline constexpr std::size_t kDefaultArtifactBytes = 4U << 20U;
inline constexpr std::size_t kMaxArtifactBytes = 8U << 20U;
inline constexpr std::size_t kMaxArtifactContents = 16U << 20U;  // bytes of one artifact, not compressed
inline constexpr std::chrono::seconds kTermGrace{5};             // from SIGTERM to SIGKILL when `exec` ends the model

// ---- Exit codes of `exec` that are not the model's (a model may use the same numbers) ---------------------------
inline constexpr int kExitAgentLost = 125;    // no agent, it went away, or it refused; a running model was killed
inline constexpr int kExitSetupFailed = 126;  // a step of the sandbox setup failed, or the program does not exist
inline constexpr int kExitNoEntryPoint = 66;  // from the harness: the entry file is not in the tree

}  // namespace modelrun::api
