// What the gateway asks of Kubernetes, as the tools see it. Every method answers for one caller: what the caller may
// not see is kNotFound, as if it were not there; what the caller may see but not do is kDenied.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "base/error.h"
#include "gateway/identity.h"
#include "gateway/result_cache.h"

namespace modelrun::gateway {

struct RunKey {
  std::string namespace_;
  std::string name;
  std::string uid;  // what clients call run_id
};

// The few fields of a run that lists and waiting need.
struct RunSummary {
  RunKey key;
  std::uint64_t version = 0;  // resourceVersion
  std::string project;
  std::string model;
  api::Phase phase = api::Phase::kNone;
  std::int64_t number = 0;  // 0: not given yet
  std::string commit;       // empty: not pinned yet
  std::string message, warning;
  bool cancelling = false;
  Time created{};
  std::optional<Time> started, finished;
};

RunSummary summarize(const api::ModelRun& run);

struct ProjectRef {
  std::string namespace_;
  std::string name;
};

struct ProjectSummary {
  std::string name;
  std::string default_branch;  // as the repository or the project has it; empty: not known yet
  std::string last_commit;
  std::int64_t last_number = 0;  // 0: it has had no run yet
  std::int64_t active = 0, queued = 0;
  bool suspended = false;
};

// What a caller may do with the runs of a namespace, apart from seeing them.
struct Rights {
  bool start = false;
  bool cancel = false;
};

struct NewRun {
  ProjectRef project;
  std::string model;  // empty: the whole project
  std::string branch;
  std::string commit;
  std::optional<nlohmann::json> parameters;
  std::string idempotency_key;  // empty: none
  std::string traceparent;      // kept with the run as an annotation; empty: none
};

struct Started {
  RunSummary run;
  bool created = false;  // false: the idempotency key had made it before
};

// A run that is over, whole.
struct EndedRun {
  RunSummary summary;
  RunPtr run;
  FramePtr frame;  // null when status holds everything
};

// Thread-safe. All but recall(), notify() and pause() block; `stop` ends it with kCancelled within milliseconds.
class RunService {
 public:
  virtual ~RunService() = default;

  // kNotFound: no such project; kDenied; kInvalid: refused by the API server, or the idempotency key was used with
  // another request.
  virtual Result<Started> start(const Identity& caller, const NewRun& wanted, std::stop_token stop) = 0;
  // Does not block, nor does pause(): calls `wake` once, when the run is another than in version `seen` or gone, after
  // `span`, or when `stop` fires. It is called on a thread that everybody shares, so it must be short.
  virtual void notify(const RunKey& key, std::uint64_t seen, std::chrono::milliseconds span,
                      const std::stop_token& stop, std::function<void()> wake) = 0;
  // The same for the time alone, or `stop`.
  virtual void pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) = 0;
  // The run as the watch has it; `live`, or when the watch has none: as the API server has it. kNotFound: it is gone.
  virtual Result<RunSummary> look(const Identity& caller, const RunKey& key, bool live, std::stop_token stop) = 0;
  // By a UUID or the first eight or more of its digits. An ambiguous one is kInvalid and names up to ten candidates.
  virtual Result<RunSummary> find(const Identity& caller, std::string_view run_id, std::stop_token stop) = 0;
  // The whole object: as the API server has it, or, of a run that is over, as it was when somebody read it before.
  virtual Result<RunPtr> read(const Identity& caller, const RunKey& key, std::stop_token stop) = 0;
  // The full result, checked against its digest. REQUIRES: run.status.result_ref.
  virtual Result<FramePtr> payload(const Identity& caller, const api::ModelRun& run, std::stop_token stop) = 0;
  // What find(), read() and payload() would say of a run that is over, when all of it, and that the caller may see it,
  // is in memory, and it is small enough to be told of within a moment. Nothing: they have to be asked.
  virtual std::optional<EndedRun> recall(const Identity& caller, std::string_view run_id) = 0;
  // Newest first, at most `limit`; all phases without one.
  virtual Result<std::vector<RunSummary>> list(const Identity& caller, const ProjectRef& project,
                                               std::optional<api::Phase> phase, std::size_t limit,
                                               std::stop_token stop) = 0;
  // The same, of all projects in a namespace.
  virtual Result<std::vector<RunSummary>> newest(const Identity& caller, const std::string& namespace_,
                                                 std::optional<api::Phase> phase, std::size_t limit,
                                                 std::stop_token stop) = 0;
  // In the order of their names.
  virtual Result<std::vector<ProjectSummary>> projects(const Identity& caller, const std::string& namespace_,
                                                       std::stop_token stop) = 0;
  // For what a client offers its user; start() and cancel() ask again.
  virtual Result<Rights> rights(const Identity& caller, const std::string& namespace_, std::stop_token stop) = 0;
  // Asks for the end of a run. One that is over stays as it is and is no error: look at the phase.
  virtual Result<RunSummary> cancel(const Identity& caller, const RunKey& key, std::stop_token stop) = 0;
  // What the model of a run that is under way prints, piece by piece, until its end or until `on_data` returns false.
  // kNotFound while there is no pod, kInvalid while the kubelet does not know that its container runs.
  virtual Result<void> follow_log(const Identity& caller, const api::ModelRun& run,
                                  const std::function<bool(std::string_view)>& on_data, std::stop_token stop) = 0;
};

}  // namespace modelrun::gateway
