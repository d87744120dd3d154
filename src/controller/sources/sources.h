// Resolves and fetches the sources of runs in the background, and remembers how far each has come. Also looks up the
// commit of each project's default branch, for the project's status.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "api/model_project.h"
#include "api/model_run.h"
#include "base/error.h"
#include "base/mutex.h"
#include "controller/project/observed.h"
#include "controller/run/observed.h"
#include "controller/sources/executor.h"
#include "controller/sources/git.h"
#include "kube/client.h"
#include "runtime/steady_clock.h"

namespace modelrun::controller {

struct FetchOptions {
  bool hold = false;  // keep the archive until it is taken
  bool now = false;   // try again although it failed a short time ago
};

// Thread-safe. No function blocks, except that the destructor waits for the work in progress, which it asks to stop.
// Keeps references to the constructor's arguments, which must outlive it, and owns the executor. All state is lost with
// this object and is made again on demand.
//
// The tasks of one namespace and git host have one owner in the executor, and those of one namespace one tenant: a git
// server that is slow or silent delays only those who use it, and many such servers only the namespace that names them.
// A commit that is on disk is found by a short task, which waits for no git server.
class Sources {
 public:
  using ArchivePtr = Git::ArchivePtr;
  using ArchiveFn = std::function<void(Result<ArchivePtr>)>;
  using WakeFn = std::function<void(const std::string& key)>;

  struct Parts {
    kube::Client& client;  // reads the Secrets of git servers
    const source::Policy& policy;
    Git& git;
    runtime::SteadyClock& clock;
  };
  // `wake_run` is called with the key "namespace/name" of a run when a fetch that begin() started has ended, well or
  // badly; `wake_project` with the key of a project when something new is known about its default branch. Both are
  // called on the executor, without a lock held.
  Sources(Parts parts, std::unique_ptr<Executor> executor, WakeFn wake_run, WakeFn wake_project);

  // Starts to resolve and fetch the source of `run`. Does nothing if that is in progress or done; if it has failed
  // with an error that is not transient (see is_transient()); or if it has failed with a transient error and the
  // back-off of 1 s to 30 s is not over, unless `how.now` is set. The commit of a run that is pinned in status wins
  // over spec.
  //
  // The archive itself is dropped again when the commit is known to be there, because a run may wait for its slot for
  // hours. With `how.hold` it is kept until take() or forget(), and a source that is ready but not held is fetched once
  // more, which normally finds it on disk; SourceView::asked_for begins anew then.
  void begin(const api::ModelRun& run, const api::ModelProject& project, FetchOptions how = {});
  // How far the run's source is; state kNone if begin() was not called for the run.
  [[nodiscard]] SourceView view(const std::string& run_uid) const;
  // Calls `done` with the archive of the commit that `run` has in status, and lets go of it. If the archive is held,
  // `done` is called before this function returns. Otherwise the archive is fetched, and `done` is called on the
  // executor, with the error of the fetch if it fails (kCancelled after forget()). `done` is not called if this object
  // is destroyed before the fetch begins.
  void take(const api::ModelRun& run, const api::ModelProject& project, ArchiveFn done);
  // Drops what is known about the run's source, and stops the work on it, also that of take().
  void forget(const std::string& run_uid);
  // The same for what is known about the default branch of a project: its look-up is stopped.
  void forget_project(const std::string& project_uid);

  // What is known about a project's default branch. It is looked up once for each generation of the project. After a
  // failure the look-up may be repeated, after 30 s at first and up to 10 min later. A run that names neither branch
  // nor commit looks at the same branch, and what it finds is recorded here too.
  struct Probe : BranchProbe {
    std::int64_t generation = 0;  // of the project
    std::uint32_t failures = 0;
    runtime::SteadyClock::Point retry_at{};
    std::stop_source stop{};  // of the look-up in progress
  };
  // Starts a look-up for the project's generation. Does nothing if one is in progress, has succeeded, or has failed
  // and may not be repeated yet. `wake_project` is called when the look-up has ended.
  void begin_probe(const api::ModelProject& project);
  // What is known for the project's generation; nullopt if begin_probe() was not called for it.
  [[nodiscard]] std::optional<BranchProbe> probe_of(const api::ModelProject& project) const;
  // For simulators: what is known for the last generation that was looked up.
  [[nodiscard]] std::optional<Probe> probe(const std::string& project_uid) const;

 private:
  struct Entry {
    bool working = false;
    bool hold = false;  // keep the archive of the fetch in progress
    std::uint32_t failures = 0;
    runtime::SteadyClock::Point begun_at{};
    runtime::SteadyClock::Point try_at{};     // when the last try was begun
    runtime::SteadyClock::Point failed_at{};  // when the last try that failed was begun
    runtime::SteadyClock::Point retry_at{};
    SourceView view;
    ArchivePtr archive;     // null unless it is held
    std::stop_source stop;  // of the fetch in progress
  };
  struct Fetched {
    source::Resolved resolved;
    Result<ArchivePtr> archive;
  };
  using Takes = std::multimap<std::string, std::stop_source>;
  Takes::iterator note_take(const std::string& run_uid);
  using DoneFn = std::function<void(Result<Fetched>)>;
  // Fetches the source of `run` on the executor and calls `done` there, with kCancelled when `own` is stopped.
  void start(const api::ModelRun& run, const api::ModelProject& project, std::stop_token own, DoneFn done);
  // Returns what is on disk of the commit that the run names; null if it names none, or if it is not there.
  std::optional<Fetched> find(const api::ModelRun& run, const api::ModelProject& project, const std::stop_token& stop);
  Result<Fetched> fetch(const api::ModelRun& run, const api::ModelProject& project, std::stop_token stop);
  void finish(const api::ModelRun& run, Result<Fetched> fetched);
  bool note_run(const api::ModelRun& run, const api::ModelProject& project, const Result<Fetched>& fetched);
  // Records what was found at the source. Returns true if it differs from what was known in a way that the project's
  // status has to tell at once. mutex_ must be held.
  bool note(Probe& probe, const Result<source::Resolved>& found) REQUIRES(mutex_);

  const Parts parts_;
  const WakeFn wake_run_, wake_project_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);  // by run UID
  std::map<std::string, Probe> probes_ GUARDED_BY(mutex_);   // by project UID
  Takes takes_ GUARDED_BY(mutex_);                           // fetches of take() in progress, by run UID
  std::unique_ptr<Executor> executor_;                       // last: its tasks use all other members
};

}  // namespace modelrun::controller
