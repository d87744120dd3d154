// Resolves and fetches the sources of runs in the background, and remembers how far each has come.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/model_project.h"
#include "api/model_run.h"
#include "base/clock.h"
#include "base/error.h"
#include "controller/observed.h"
#include "controller/thread_pool.h"
#include "kube/client.h"
#include "source/archive_cache.h"
#include "source/resolver.h"

namespace modelrun::controller {

// Thread-safe. Everything handed in must outlive it.
class Sources {
 public:
  using ArchivePtr = std::shared_ptr<const source::Archive>;
  using ArchiveFn = std::function<void(Result<ArchivePtr>)>;
  using WakeFn = std::function<void(const std::string& key)>;

  // `wake` is called with "namespace/name" of a run or project whose source has come further.
  Sources(kube::Client& client, source::Policy policy, source::Resolver& resolver, source::ArchiveCache& archives,
          const Clock& clock, WakeFn wake_run, WakeFn wake_project);

  // Starts resolving and fetching, unless that is under way, done, or has failed just now. Returns at once.
  void begin(const api::ModelRun& run, const api::ModelProject& project);
  [[nodiscard]] SourceView view(const std::string& run_uid) const;
  // Of a run whose commit is pinned: fetched again if this process does not have it.
  void with_archive(const api::ModelRun& run, const api::ModelProject& project, ArchiveFn done);
  void forget(const std::string& run_uid);

  // The project's default branch: looked up once per generation of the project, after a failure again and again, 30 s
  // to 10 min apart; and what runs have found there since.
  struct Probe {
    std::int64_t generation = 0;
    bool working = false;
    bool done = false;
    std::optional<source::Resolved> resolved;
    Error error;  // without `resolved`, once it is done
    std::uint32_t failures = 0;
    Time retry_at{};  // after a failure
  };
  // Starts that when it is due, and gives what was known before. The project is woken when more is known.
  Probe begin_probe(const api::ModelProject& project);
  [[nodiscard]] std::optional<Probe> probe(const std::string& project_uid) const;

 private:
  struct Entry {
    bool working = false;
    std::uint32_t failures = 0;
    Time retry_at{};
    SourceView view;
    ArchivePtr archive;
  };
  struct Fetched {
    source::Resolved resolved;
    Result<ArchivePtr> archive;
  };
  Result<Fetched> fetch(const api::ModelRun& run, const api::ModelProject& project, std::stop_token stop);
  void finish(const api::ModelRun& run, Result<Fetched> fetched);
  bool note_run(const api::ModelRun& run, const api::ModelProject& project, const Result<Fetched>& fetched);
  // What was found at the source: true when that is other than what was known. The mutex is held.
  bool note(Probe& probe, const Result<source::Resolved>& found);

  kube::Client& client_;
  const source::Policy policy_;
  source::Resolver& resolver_;
  source::ArchiveCache& archives_;
  const Clock& clock_;
  const WakeFn wake_run_, wake_project_;
  mutable std::mutex mutex_;              // guards the maps
  std::map<std::string, Entry> entries_;  // by run uid
  std::map<std::string, Probe> probes_;   // by project uid
  ThreadPool pool_{4};                    // last: its tasks use all of the above
};

}  // namespace modelrun::controller
