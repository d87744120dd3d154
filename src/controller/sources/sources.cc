#include "controller/sources/sources.h"

#include <algorithm>
#include <utility>

#include "controller/sources/secrets.h"
#include "runtime/backoff.h"

namespace modelrun::controller {
namespace {

// The first text that is not empty.
std::optional<std::string> wanted(const std::string& first, const std::string& second) {
  if (!first.empty()) return first;
  return second.empty() ? std::nullopt : std::optional(second);
}

// The owner of a project's tasks in the executor.
std::string owner_of(const api::ModelProject& project) {
  // The host as it is written: an URL that is not accepted fails at once and delays nobody.
  const std::string_view url = project.git.url;
  const auto scheme = url.find("://");
  const auto host = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  return fmt::format("{}/{}", project.meta.namespace_, host.substr(0, host.find('/')));
}

// For status.warning: a model that reads such a path finds something else there.
std::string warning_about(const source::Placeholders& missing) {
  std::vector<std::string> told;
  if (!missing.submodule.empty()) {
    told.push_back(
        fmt::format("the commit has submodules, which are empty folders here; the first is '{}'", missing.submodule));
  }
  if (!missing.lfs_pointer.empty()) {
    told.push_back(
        fmt::format("the commit has pointers of Git LFS in place of files, and LFS is not used here; the first is '{}'",
                    missing.lfs_pointer));
  }
  return fmt::format("{}", fmt::join(told, "; "));
}

std::unexpected<Error> forgotten() {
  return fail(ErrorKind::kCancelled, "the run is over: nobody waits for its source any more");
}

// Stops when one of two tokens does.
class EitherStop {
 public:
  EitherStop(std::stop_token first, std::stop_token second)
      : first_(std::move(first), Stop{source_}), second_(std::move(second), Stop{source_}) {}
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  struct Stop {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };
  std::stop_source source_;
  std::stop_callback<Stop> first_, second_;
};

const runtime::BackoffOptions kRunRetry{.initial = std::chrono::seconds(1), .max = std::chrono::seconds(30)};
const runtime::BackoffOptions kProbeRetry{.initial = std::chrono::seconds(30), .max = std::chrono::seconds(600)};

}  // namespace

Sources::Sources(Parts parts, std::unique_ptr<Executor> executor, WakeFn wake_run, WakeFn wake_project)
    : parts_(parts),
      wake_run_(std::move(wake_run)),
      wake_project_(std::move(wake_project)),
      executor_(std::move(executor)) {}

void Sources::begin(const api::ModelRun& run, const api::ModelProject& project, FetchOptions how) {
  std::stop_token own;
  {
    const MutexLock lock(mutex_);
    const auto now = parts_.clock.now();
    const auto [at, added] = entries_.try_emplace(run.meta.uid);
    auto& entry = at->second;
    entry.hold = entry.hold || how.hold;
    const auto state = entry.view.state;
    if (entry.working || (state == SourceView::State::kReady && (!how.hold || entry.archive))) return;
    const bool may_try = is_transient(entry.view.error.kind) && (now >= entry.retry_at || how.now);
    if (state == SourceView::State::kFailed && !may_try) return;
    // A run that has waited for its slot has not asked for its source meanwhile.
    if (added || state == SourceView::State::kReady) entry.begun_at = now;
    entry.working = true;
    entry.try_at = now;
    // The state stays kFailed during another try, so that the reason in the run's status does not change back and
    // forth.
    if (state == SourceView::State::kNone) entry.view.state = SourceView::State::kWorking;
    own = entry.stop.get_token();
  }
  start(run, project, own, [this, run, project, own](Result<Fetched> fetched) {
    if (own.stop_requested()) return;
    const bool news = note_run(run, project, fetched);
    finish(run, std::move(fetched));
    if (news) wake_project_(project.meta.key());
    wake_run_(run.meta.key());
  });
}

void Sources::start(const api::ModelRun& run, const api::ModelProject& project, std::stop_token own, DoneFn done) {
  auto from_git = [this, run, project, own, done](const std::stop_token& stop) {
    if (own.stop_requested()) return done(forgotten());  // before its turn came
    const EitherStop either(stop, own);
    done(fetch(run, project, either.token()));
  };
  if (run.status.commit_sha.empty() && run.spec.commit_sha.empty()) {
    executor_->post(owner_of(project), std::move(from_git));
    return;
  }
  executor_->post_short(project.meta.namespace_, [this, run, project, own, done = std::move(done),
                                                  from_git = std::move(from_git)](const std::stop_token& stop) mutable {
    if (own.stop_requested()) return done(forgotten());
    const EitherStop either(stop, own);
    auto found = find(run, project, either.token());
    if (found) return done(std::move(*found));
    executor_->post(owner_of(project), std::move(from_git));
  });
}

std::optional<Sources::Fetched> Sources::find(const api::ModelRun& run, const api::ModelProject& project,
                                              const std::stop_token& stop) {
  const auto commit = wanted(run.status.commit_sha, run.spec.commit_sha);
  const auto remote = git_remote(parts_.client, project, parts_.policy, stop);
  if (!remote || !commit) return std::nullopt;
  // Asks nobody: the commit is given.
  auto resolved = parts_.git.resolve(*remote, wanted(run.spec.branch, {}), commit, stop);
  if (!resolved) return std::nullopt;
  auto archive = parts_.git.find(*remote, resolved->commit);
  if (!archive) return std::nullopt;
  return Fetched{std::move(*resolved), std::move(archive)};
}

Result<Sources::Fetched> Sources::fetch(const api::ModelRun& run, const api::ModelProject& project,
                                        std::stop_token stop) {
  const auto remote = git_remote(parts_.client, project, parts_.policy, stop);
  RETURN_IF_ERROR(remote);
  const auto commit = wanted(run.status.commit_sha, run.spec.commit_sha);
  // A given commit is looked for on no branch, so none is recorded with it.
  const auto branch = wanted(run.spec.branch, commit ? std::string() : project.git.default_branch);
  auto resolved = parts_.git.resolve(*remote, branch, commit, stop);
  RETURN_IF_ERROR(resolved);
  auto archive = parts_.git.fetch(*remote, resolved->commit, stop);
  return Fetched{std::move(*resolved), std::move(archive)};
}

// Records the result of a run's fetch in its project's probe, if the run names neither branch nor commit: then it has
// looked at the same branch as a probe does. Returns what note() returns.
bool Sources::note_run(const api::ModelRun& run, const api::ModelProject& project, const Result<Fetched>& fetched) {
  if (!run.spec.branch.empty() || !run.spec.commit_sha.empty() || !run.status.commit_sha.empty()) return false;
  const MutexLock lock(mutex_);
  const auto found = probes_.find(project.meta.uid);
  if (found == probes_.end() || found->second.generation != project.meta.generation) return false;
  if (fetched) return note(found->second, fetched->resolved);
  if (fetched.error().kind == ErrorKind::kCancelled) return false;
  return note(found->second, std::unexpected(fetched.error()));
}

bool Sources::note(Probe& probe, const Result<source::Resolved>& found) {
  const bool known = probe.done;
  const bool was_reachable = probe.head.has_value();
  probe.done = true;
  if (found) {
    probe.head = BranchProbe::Head{found->commit, found->branch};
    probe.error = {};
    probe.failures = 0;
    return !known || !was_reachable;
  }
  const bool same =
      known && !was_reachable && probe.error.kind == found.error().kind && probe.error.message == found.error().message;
  probe.head.reset();
  probe.error = found.error();
  const auto now = parts_.clock.now();
  if (now >= probe.retry_at) probe.retry_at = now + runtime::backoff_delay(kProbeRetry, probe.failures++);
  return !same;
}

void Sources::finish(const api::ModelRun& run, Result<Fetched> fetched) {
  // Outside of the lock, because a file is read.
  bool has_entry_point = false;
  std::string warning;
  if (fetched && fetched->archive) {
    if (const auto missing = (*fetched->archive)->placeholders()) warning = warning_about(*missing);
    const auto found = (*fetched->archive)->contains_file(run.spec.entry_point());
    has_entry_point = found && *found;
    if (!found) fetched->archive = std::unexpected(found.error());  // not: no such file
  }
  const MutexLock lock(mutex_);
  const auto found = entries_.find(run.meta.uid);
  if (found == entries_.end()) return;  // forgotten meanwhile; nobody would forget a new entry
  auto& entry = found->second;
  entry.working = false;
  // A commit that was named and not looked up may not exist. It is reported only after it was fetched.
  const bool looked_up = run.spec.commit_sha.empty() && run.status.commit_sha.empty();
  if (fetched && (looked_up || fetched->archive)) {
    entry.view.commit = fetched->resolved.commit;
    entry.view.branch = fetched->resolved.branch;
  }
  if (!fetched || !fetched->archive) {
    entry.view.state = SourceView::State::kFailed;
    entry.failed_at = entry.try_at;
    entry.view.error = fetched ? fetched->archive.error() : fetched.error();
    entry.retry_at = parts_.clock.now() + runtime::backoff_delay(kRunRetry, entry.failures++);
    return;
  }
  const auto& archive = **fetched->archive;
  entry.view.state = SourceView::State::kReady;
  entry.view.sha256 = archive.sha256();
  entry.view.has_entry_point = has_entry_point;
  entry.view.warning = std::move(warning);
  entry.view.error = {};
  if (entry.hold) entry.archive = std::move(*fetched->archive);
}

SourceView Sources::view(const std::string& run_uid) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(run_uid);
  if (found == entries_.end()) return {};
  SourceView view = found->second.view;
  view.held = found->second.archive != nullptr;
  const auto now = parts_.clock.now();
  view.asked_for = std::chrono::duration_cast<Duration>(now - found->second.begun_at);
  if (view.state == SourceView::State::kFailed) {
    view.since_try = std::chrono::duration_cast<Duration>(now - found->second.failed_at);
  }
  return view;
}

void Sources::take(const api::ModelRun& run, const api::ModelProject& project, ArchiveFn done) {
  ArchivePtr archive;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(run.meta.uid);
    if (found != entries_.end()) {
      found->second.hold = false;
      archive = std::exchange(found->second.archive, nullptr);
    }
  }
  if (archive) return done(std::move(archive));
  const auto take = note_take(run.meta.uid);
  start(run, project, take->second.get_token(), [this, take, done = std::move(done)](Result<Fetched> fetched) {
    {
      const MutexLock relock(mutex_);
      takes_.erase(take);
    }
    done(fetched ? std::move(fetched->archive) : std::unexpected(fetched.error()));
  });
}

Sources::Takes::iterator Sources::note_take(const std::string& run_uid) {
  const MutexLock lock(mutex_);
  return takes_.emplace(run_uid, std::stop_source());
}

void Sources::forget(const std::string& run_uid) {
  const MutexLock lock(mutex_);
  const auto [first, last] = takes_.equal_range(run_uid);
  for (auto take = first; take != last; ++take) take->second.request_stop();
  const auto found = entries_.find(run_uid);
  if (found == entries_.end()) return;
  auto stop = found->second.stop;
  entries_.erase(found);
  stop.request_stop();
}

void Sources::forget_project(const std::string& project_uid) {
  const MutexLock lock(mutex_);
  const auto found = probes_.find(project_uid);
  if (found == probes_.end()) return;
  found->second.stop.request_stop();
  probes_.erase(found);
}

void Sources::begin_probe(const api::ModelProject& project) {
  std::stop_token own;
  {
    const MutexLock lock(mutex_);
    auto& probe = probes_[project.meta.uid];
    if (probe.generation != project.meta.generation) {
      probe.stop.request_stop();
      probe = {};
      probe.generation = project.meta.generation;
    } else if (probe.working || probe.head || parts_.clock.now() < probe.retry_at) {
      return;
    }
    probe.working = true;
    own = probe.stop.get_token();
  }
  executor_->post(owner_of(project), [this, project, own](const std::stop_token& at_end) {
    if (own.stop_requested()) return;
    const EitherStop either(at_end, own);
    const auto stop = either.token();
    const auto remote = git_remote(parts_.client, project, parts_.policy, stop);
    auto resolved = remote ? parts_.git.resolve(*remote, wanted(project.git.default_branch, {}), std::nullopt, stop)
                           : Result<source::Resolved>(std::unexpected(remote.error()));
    {
      const MutexLock lock(mutex_);
      const auto found = probes_.find(project.meta.uid);
      if (found == probes_.end()) return;  // the project was deleted
      // If the project has changed meanwhile, another look-up is in progress.
      if (found->second.generation == project.meta.generation) {
        found->second.working = false;
        note(found->second, resolved);
      }
    }
    wake_project_(project.meta.key());
  });
}

std::optional<BranchProbe> Sources::probe_of(const api::ModelProject& project) const {
  const MutexLock lock(mutex_);
  const auto found = probes_.find(project.meta.uid);
  if (found == probes_.end() || found->second.generation != project.meta.generation) return std::nullopt;
  BranchProbe probe = found->second;
  probe.retry_in = std::chrono::ceil<Duration>(found->second.retry_at - parts_.clock.now());
  return probe;
}

std::optional<Sources::Probe> Sources::probe(const std::string& project_uid) const {
  const MutexLock lock(mutex_);
  const auto found = probes_.find(project_uid);
  return found == probes_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace modelrun::controller
