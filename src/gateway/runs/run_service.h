// Everything that the tools ask of Kubernetes, as an interface. Each method acts for one caller: what the caller may
// not see is kNotFound, just as if it did not exist; what the caller may see but not do is kDenied.
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
#include "gateway/auth/identity.h"
#include "gateway/runs/result_cache.h"
#include "gateway/runs/run_page.h"
#include "gateway/runs/run_summary.h"

namespace modelrun::gateway {

struct ProjectSummary {
  std::string namespace_;
  std::string name;
  std::string description;     // of the annotation kubernetes.io/description, on one line; empty: none
  std::string default_branch;  // from the project's spec, else from the repository; empty: not known yet
  std::string last_commit;
  std::int64_t last_number = 0;  // of its newest run; 0: it has had none
  std::int64_t active = 0, queued = 0;
  bool suspended = false;
  std::optional<bool> ready;  // whether the source can be reached; nullopt: not known
  std::string message;        // what the condition Ready says
};

struct ProjectQuery {
  std::string namespace_;   // empty: all namespaces
  std::size_t limit = 500;  // projects in the page
  std::string after;        // "namespace/name": only projects that come after this one; empty: from the first on
};

struct ProjectPage {
  std::vector<ProjectSummary> projects;  // by namespace, then by name
  bool more = false;                     // projects come after these
};

// A model of which a run has succeeded, with the newest of these runs.
struct KnownModel {
  std::string name;
  std::string commit;
  std::string run_id;
};

struct ProjectDetails {
  ProjectSummary project;
  // By name, at most kMaxKnownModels; nullopt if the caller may not list runs there.
  std::optional<std::vector<KnownModel>> models;
  // Those that runs have used, the newest run's first, at most kMaxKnownBranches; nullopt as for models.
  std::optional<std::vector<std::string>> branches;
};
inline constexpr std::size_t kMaxKnownModels = 200;
inline constexpr std::size_t kMaxKnownBranches = 50;

// A part of the log of a pod.
struct LogPart {
  std::string bytes;
  std::uint64_t offset = 0;            // of the first of them in the log
  std::optional<std::uint64_t> total;  // bytes of the whole log, if its end was read
};

// What a caller may do with the runs of a namespace, apart from seeing them.
struct Rights {
  bool start = false;
  bool cancel = false;
};

struct NewRun {
  ProjectRef project;
  std::string model;                         // empty: the whole project
  std::string branch;                        // empty: the project's default
  std::string commit;                        // empty: the newest of the branch
  std::optional<nlohmann::json> parameters;  // an object; absent: the model gets no parameters file
  std::string idempotency_key;               // empty: none
  std::string traceparent;                   // W3C Trace Context, stored as an annotation of the run; empty: none
  // As in the spec of a ModelRun; nullopt: the default.
  std::optional<std::int64_t> timeout_seconds{};
  std::optional<bool> fail_on_artifact_loss{};
  api::Reuse reuse = api::Reuse::kNever;
  // Several calls of the caller may ask for this run, by an idempotency key that follows from what it is for. One that
  // the watch shows already may have been made with another request: whoever uses its result checks what it has
  // executed. Unless it is over, it gets the label kLabelShared, so that cancel_unshared() leaves it alone.
  bool shared = false;
};

struct Started {
  RunSummary run;
  bool created = false;    // false: an earlier request with the same idempotency key created it
  bool suspended = false;  // the project is suspended: the run waits until it is resumed
};

// A run that is over, with all of its result.
struct EndedRun {
  RunSummary summary;
  RunPtr run;
  FramePtr frame;  // null if status holds the whole result
};

// Thread-safe. remembered_run(), notify() and pause() do not block. All other methods do; once `stop` fires they
// return kCancelled within milliseconds. Besides the errors named below they return kUnavailable, kTimeout or
// kThrottled if Kubernetes does not answer, and kUnavailable if the gateway itself lacks a right (its log says which
// one).
class RunService {
 public:
  virtual ~RunService() = default;

  // Creates a run. If the caller has used the idempotency key in this namespace before, returns the run of that
  // request. kNotFound: no such project. kDenied: the caller may not create runs. kInvalid: the API server refuses
  // the run, or the key was used with another request. kTooLarge: the parameters have 64 KiB or more as JSON. After
  // kTimeout or kUnavailable the run may have been created all the same.
  virtual Result<Started> start(const Identity& caller, const NewRun& wanted, std::stop_token stop) = 0;
  // Calls `wake` once: when the watch shows the run in another version than `seen` or does not show it any more,
  // after `span`, or when `stop` fires. It may also be called early; look at the run then. `wake` is called on one
  // thread that all waiting calls share, perhaps before notify() returns, so it must be short. If this object is
  // destroyed first, `wake` is not called. Checks no rights.
  virtual void notify(const RunKey& key, std::uint64_t seen, std::chrono::milliseconds span,
                      const std::stop_token& stop, std::function<void()> wake) = 0;
  // As notify(), but only after `span` or when `stop` fires.
  virtual void pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) = 0;
  // The run as the watch shows it or, if `live` is set or the watch does not show it, as the API server has it.
  // kNotFound: it is gone.
  virtual Result<RunSummary> refresh_summary(const Identity& caller, const RunKey& key, bool live,
                                             std::stop_token stop) = 0;
  // The run with this UUID, or the only one whose UUID begins with these digits (at least eight). kUnavailable: the
  // watch shows no such run, and fewer runs than there are in the caller's own namespace, so that this may be one that
  // was made a moment ago; or the watch has not yet shown what there is. kInvalid: `run_id` is malformed, or it is the
  // prefix of several runs that the caller may see; the message then names about ten of them.
  virtual Result<RunSummary> find_summary(const Identity& caller, std::string_view run_id, std::stop_token stop) = 0;
  // The whole object, from the API server. A run that is over may come from memory instead, if the watch shows it in
  // the version that is in memory. kNotFound: it is gone.
  virtual Result<RunPtr> read_run(const Identity& caller, const RunKey& key, std::stop_token stop) = 0;
  // The full result of a run. REQUIRES: run.status.result_ref is set. kInvalid: size or digest are not those of
  // status.resultRef. kNotFound: a part of it is gone.
  virtual Result<FramePtr> payload(const Identity& caller, const api::ModelRun& run, std::stop_token stop) = 0;
  // What find_summary(), read_run() and payload() would return for a run that is over, if all of it and the caller's
  // right to see it are in memory, and it is small enough to be encoded without delay. nullopt: call those methods
  // instead.
  virtual std::optional<EndedRun> remembered_run(const Identity& caller, std::string_view run_id) = 0;
  // A page of the runs of a project that the watch shows, in the order of run_page.h. kNotFound: no such project.
  // kUnavailable: the watch has not yet shown what there is; so do newest() and, of the models, project().
  virtual Result<RunPage> list(const Identity& caller, const ProjectRef& project, const RunQuery& query,
                               std::stop_token stop) = 0;
  // As list(), for all projects in a namespace.
  virtual Result<RunPage> newest(const Identity& caller, const std::string& namespace_, const RunQuery& query,
                                 std::stop_token stop) = 0;
  // A page of the projects of a namespace or, in all namespaces, of those that the caller may list. kTooLarge: more
  // namespaces have projects than are asked for in one call (kMaxNamespaces).
  virtual Result<ProjectPage> projects(const Identity& caller, const ProjectQuery& query, std::stop_token stop) = 0;
  // One project, and its models as the runs that the watch shows know them; with `commit`, as those on this commit do.
  virtual Result<ProjectDetails> project(const Identity& caller, const ProjectRef& project, const std::string& commit,
                                         std::stop_token stop) = 0;
  // What the caller may do, as a hint for what a user interface should offer; start() and cancel() check again. Does
  // not check whether the namespace exists or whether the caller may see its runs.
  virtual Result<Rights> rights(const Identity& caller, const std::string& namespace_, std::stop_token stop) = 0;
  // Asks the controller to end a run, and returns the run as it is at that moment; it ends some seconds later. A run
  // that is over already is returned unchanged, and that is not an error: look at its phase. kNotFound, kDenied.
  virtual Result<RunSummary> cancel(const Identity& caller, const RunKey& key, std::stop_token stop) = 0;
  // As cancel(), but a run that another call has asked for meanwhile, here or at another gateway (NewRun::shared), goes
  // on, and that is not an error.
  virtual Result<void> cancel_unshared(const Identity& caller, const RunKey& key, std::stop_token stop) = 0;
  // Passes what the model prints to `on_data`, piece by piece from the beginning, on the calling thread. Returns when
  // the log ends or `on_data` returns false. kNotFound: run.status has no pod yet. kInvalid: the kubelet does not
  // know yet that the container runs; try again. kDenied: the caller may not read logs. kTimeout: nothing was printed
  // for an hour.
  virtual Result<void> follow_log(const Identity& caller, const api::ModelRun& run,
                                  const std::function<bool(std::string_view)>& on_data, std::stop_token stop) = 0;
  // At most `limit` bytes of what the model has printed so far, from `offset` on or, if that is negative, the last
  // -`offset` bytes of it. Reads the log from its beginning, so it takes longer the farther `offset` is. An offset
  // behind the end gives no bytes. Errors as follow_log(), and kTooLarge for an offset behind kMaxLogBytes.
  virtual Result<LogPart> read_log(const Identity& caller, const api::ModelRun& run, std::int64_t offset,
                                   std::size_t limit, std::stop_token stop) = 0;
};

// So many namespaces' rights RunService::projects() looks up in one call.
inline constexpr std::size_t kMaxNamespaces = 200;
// So many bytes RunService::read_log() reads of a log. Container runtimes begin a new file long before, as a rule.
inline constexpr std::int64_t kMaxLogBytes = std::int64_t{64} << 20U;

}  // namespace modelrun::gateway
