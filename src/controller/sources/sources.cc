#include "controller/sources/sources.h"

#include <algorithm>
#include <utility>

#include "base/mutex.h"
#include "controller/sources/secrets.h"
#include "runtime/backoff.h"

namespace modelrun::controller {
namespace {

// The first text that is not empty.
std::optional<std::string> wanted(const std::string& first, const std::string& second) {
  if (!first.empty()) return first;
  return second.empty() ? std::nullopt : std::optional(second);
}

const runtime::BackoffOptions kRunRetry{.initial = std::chrono::seconds(1), .max = std::chrono::seconds(30)};
const runtime::BackoffOptions kProbeRetry{.initial = std::chrono::seconds(30), .max = std::chrono::seconds(600)};

}  // namespace

Sources::Sources(kube::Client& client, source::Policy policy, source::Resolver& resolver,
                 source::ArchiveCache& archives, const Clock& clock, WakeFn wake_run, WakeFn wake_project)
    : client_(client),
      policy_(policy),
      resolver_(resolver),
      archives_(archives),
      clock_(clock),
      wake_run_(std::move(wake_run)),
      wake_project_(std::move(wake_project)) {}

void Sources::begin(const api::ModelRun& run, const api::ModelProject& project) {
  {
    const MutexLock lock(mutex_);
    auto& entry = entries_[run.meta.uid];
    const auto state = entry.view.state;
    if (entry.working || state == SourceView::State::kReady) return;
    if (state == SourceView::State::kFailed && (!is_transient(entry.view.error.kind) || clock_.now() < entry.retry_at))
      return;
    entry.working = true;
    // The state stays kFailed during another try, so that the reason in the run's status does not change back and
    // forth.
    if (state == SourceView::State::kNone) entry.view.state = SourceView::State::kWorking;
  }
  pool_.post([this, run, project](const std::stop_token& stop) {
    auto fetched = fetch(run, project, stop);
    const bool news = note_run(run, project, fetched);
    finish(run, std::move(fetched));
    if (news) wake_project_(project.meta.key());
    wake_run_(run.meta.key());
  });
}

Result<Sources::Fetched> Sources::fetch(const api::ModelRun& run, const api::ModelProject& project,
                                        std::stop_token stop) {
  const auto remote = git_remote(client_, project, policy_, stop);
  RETURN_IF_ERROR(remote);
  const auto commit = wanted(run.status.commit_sha, run.spec.commit_sha);
  // A given commit is not looked up, so the project's default branch does not apply to it.
  const auto branch = wanted(run.spec.branch, commit ? std::string() : project.git.default_branch);
  auto resolved = resolver_.resolve(*remote, branch, commit, stop);
  RETURN_IF_ERROR(resolved);
  auto archive = archives_.fetch(*remote, resolved->commit, stop);
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
  if (clock_.now() >= probe.retry_at)
    probe.retry_at = clock_.now() + runtime::backoff_delay(kProbeRetry, probe.failures++);
  return !same;
}

void Sources::finish(const api::ModelRun& run, Result<Fetched> fetched) {
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
    entry.view.error = fetched ? fetched->archive.error() : fetched.error();
    entry.retry_at = clock_.now() + runtime::backoff_delay(kRunRetry, entry.failures++);
    return;
  }
  entry.archive = std::move(*fetched->archive);
  entry.view.state = SourceView::State::kReady;
  entry.view.sha256 = entry.archive->sha256();
  entry.view.has_entry_point = entry.archive->contains_file(run.spec.entry_point());
  entry.view.error = {};
}

SourceView Sources::view(const std::string& run_uid) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(run_uid);
  return found == entries_.end() ? SourceView{} : found->second.view;
}

void Sources::with_archive(const api::ModelRun& run, const api::ModelProject& project, ArchiveFn done) {
  ArchivePtr archive;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(run.meta.uid);
    if (found != entries_.end()) archive = found->second.archive;
  }
  if (archive) return done(std::move(archive));
  pool_.post([this, run, project, done = std::move(done)](const std::stop_token& stop) {
    auto fetched = fetch(run, project, stop);
    auto got = fetched ? std::move(fetched->archive) : std::unexpected(fetched.error());
    if (got)
      done(std::move(*got));
    else
      done(fail(ErrorKind::kUnavailable, "the source cannot be had now: {}", got.error().message));
  });
}

void Sources::forget(const std::string& run_uid) {
  const MutexLock lock(mutex_);
  entries_.erase(run_uid);
}

void Sources::begin_probe(const api::ModelProject& project) {
  {
    const MutexLock lock(mutex_);
    auto& probe = probes_[project.meta.uid];
    if (probe.generation != project.meta.generation) {
      probe = {};
      probe.generation = project.meta.generation;
    } else if (probe.working || probe.head || clock_.now() < probe.retry_at) {
      return;
    }
    probe.working = true;
  }
  pool_.post([this, project](const std::stop_token& stop) {
    const auto remote = git_remote(client_, project, policy_, stop);
    auto resolved = remote ? resolver_.resolve(*remote, wanted(project.git.default_branch, {}), std::nullopt, stop)
                           : Result<source::Resolved>(std::unexpected(remote.error()));
    {
      const MutexLock lock(mutex_);
      auto& probe = probes_[project.meta.uid];
      // If the project has changed meanwhile, another look-up is in progress.
      if (probe.generation == project.meta.generation) {
        probe.working = false;
        note(probe, resolved);
      }
    }
    wake_project_(project.meta.key());
  });
}

std::optional<BranchProbe> Sources::probe_of(const api::ModelProject& project) const {
  const MutexLock lock(mutex_);
  const auto found = probes_.find(project.meta.uid);
  if (found == probes_.end() || found->second.generation != project.meta.generation) return std::nullopt;
  return found->second;
}

std::optional<Sources::Probe> Sources::probe(const std::string& project_uid) const {
  const MutexLock lock(mutex_);
  const auto found = probes_.find(project_uid);
  return found == probes_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace modelrun::controller
