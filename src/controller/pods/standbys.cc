#include "controller/pods/standbys.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace modelrun::controller {
namespace {

// Longer than a pod needs to ask again, shorter than it may take to notice that its node is gone.
constexpr std::chrono::seconds kStillReady{2};
constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kMostRetry{300};
constexpr std::chrono::milliseconds kAfterAdoption{500};
constexpr std::chrono::seconds kAfterFirstAdoption{1};

std::unexpected<Error> no_longer_leading() {
  return fail(ErrorKind::kUnavailable, "this operator no longer leads; ask again");
}

}  // namespace

std::unique_ptr<runserver::LongPoll> Standbys::await_work(const std::string& pod_uid, const WorkFn& done) {
  std::uint64_t id = 0;
  bool closed = false;
  {
    const MutexLock lock(mutex_);
    id = next_id_++;
    closed = closed_;
    if (!closed) {
      auto& entry = entries_[pod_uid];
      entry.id = id;
      entry.done = done;
      entry.ended_at.reset();
    }
  }
  if (closed) done(no_longer_leading());
  return std::make_unique<runserver::LongPoll>(
      [self = shared_from_this(), pod_uid, id] { self->end_request(pod_uid, id); });
}

void Standbys::end_request(const std::string& pod_uid, std::uint64_t id) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(pod_uid);
  if (found == entries_.end() || found->second.id != id) return;
  found->second.done = {};
  found->second.ended_at = clock_.now();
}

bool Standbys::ready(const std::string& pod_uid) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(pod_uid);
  if (found == entries_.end()) return false;
  const auto& ended = found->second.ended_at;
  return !ended || clock_.now() - *ended <= kStillReady;
}

bool Standbys::reserve(const std::string& pod_uid, const std::string& run_uid) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(pod_uid);
  if (found == entries_.end()) return false;
  auto& holder = found->second.reserved_for;
  if (holder == run_uid) return true;
  if (!holder.empty()) return false;
  release_locked(run_uid);
  holder = run_uid;
  reserved_[run_uid] = pod_uid;
  return true;
}

void Standbys::release(const std::string& run_uid) {
  const MutexLock lock(mutex_);
  release_locked(run_uid);
}

void Standbys::release_locked(const std::string& run_uid) {
  const auto kept = reserved_.find(run_uid);
  if (kept == reserved_.end()) return;
  if (const auto entry = entries_.find(kept->second); entry != entries_.end()) entry->second.reserved_for.clear();
  reserved_.erase(kept);
}

Standbys::WorkFn Standbys::take_request(const std::string& pod_uid) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(pod_uid);
  return found == entries_.end() ? WorkFn{} : std::exchange(found->second.done, {});
}

void Standbys::forget(const std::string& pod_uid) {
  WorkFn done;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(pod_uid);
    if (found == entries_.end()) return;
    done = std::move(found->second.done);
    reserved_.erase(found->second.reserved_for);
    entries_.erase(found);
  }
  if (done) done(fail(ErrorKind::kConflict, "this pod is gone"));
}

void Standbys::close() {
  std::map<std::string, Entry> entries;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    entries.swap(entries_);
  }
  for (const auto& [uid, entry] : entries) {
    if (entry.done) entry.done(no_longer_leading());
  }
}

void Standbys::note_failure(const std::string& project_uid, std::string message) {
  const MutexLock lock(mutex_);
  auto& failures = failures_[project_uid];
  failures.message = std::move(message);
  // Those that were made together fail together, and are one failure.
  if (failures.count > 0 && clock_.now() < failures.retry_at) return;
  const auto wait = std::min<std::chrono::seconds>(kFirstRetry * (1 << std::min(failures.count, 9)), kMostRetry);
  ++failures.count;
  failures.retry_at = clock_.now() + wait;
}

std::optional<Standbys::Trouble> Standbys::trouble(const std::string& project_uid) const {
  const MutexLock lock(mutex_);
  const auto found = failures_.find(project_uid);
  if (found == failures_.end()) return std::nullopt;
  return Trouble{found->second.message, std::chrono::duration_cast<Duration>(found->second.retry_at - clock_.now())};
}

void Standbys::forget_failures(const std::string& project_uid) {
  const MutexLock lock(mutex_);
  failures_.erase(project_uid);
}

void Standbys::note_adopted(const std::string& project_uid) {
  const MutexLock lock(mutex_);
  const auto now = clock_.now();
  adoptions_.try_emplace(project_uid, now, now).first->second.last = now;
}

Duration Standbys::refill_in(const std::string& project_uid) {
  const MutexLock lock(mutex_);
  const auto found = adoptions_.find(project_uid);
  if (found == adoptions_.end()) return {};
  const auto at = std::min(found->second.last + kAfterAdoption, found->second.first + kAfterFirstAdoption);
  const auto left = std::chrono::duration_cast<Duration>(at - clock_.now());
  if (left <= Duration::zero()) adoptions_.erase(found);
  return left;
}

void Standbys::forget_project(const std::string& project_uid) {
  const MutexLock lock(mutex_);
  failures_.erase(project_uid);
  adoptions_.erase(project_uid);
}

// How long the key has been in `since`, into which it is put if it is not there.
static Duration time_in(std::map<std::string, runtime::SteadyClock::Point>& since, const std::string& key,
                        runtime::SteadyClock::Point now) {
  return std::chrono::duration_cast<Duration>(now - since.try_emplace(key, now).first->second);
}

Duration Standbys::unready_for(const std::string& job_uid, bool ready) {
  const MutexLock lock(mutex_);
  if (!ready) return time_in(unready_since_, job_uid, clock_.now());
  unready_since_.erase(job_uid);
  return {};
}

Duration Standbys::placed_for(const std::string& job_uid, bool placed) {
  const MutexLock lock(mutex_);
  if (placed) return time_in(placed_since_, job_uid, clock_.now());
  placed_since_.erase(job_uid);
  return {};
}

void Standbys::note_made(const std::string& job_uid) {
  const MutexLock lock(mutex_);
  made_[job_uid] = clock_.now();
}

std::optional<Duration> Standbys::take_refill_time(const std::string& job_uid) {
  const MutexLock lock(mutex_);
  const auto found = made_.find(job_uid);
  if (found == made_.end()) return std::nullopt;
  const auto took = clock_.now() - found->second;
  made_.erase(found);
  return std::chrono::duration_cast<Duration>(took);
}

void Standbys::forget_job(const std::string& job_uid) {
  const MutexLock lock(mutex_);
  made_.erase(job_uid);
  unready_since_.erase(job_uid);
  placed_since_.erase(job_uid);
}

std::string Standbys::new_name(const std::string& project) {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::string tail = "-standby-";
  {
    const MutexLock lock(mutex_);
    for (int i = 0; i < 10; ++i) tail += kLetters[random_() % kLetters.size()];
  }
  std::string head = project.substr(0, 63 - tail.size());
  while (!head.empty() && (head.back() == '-' || head.back() == '.')) head.pop_back();
  return head + tail;
}

}  // namespace modelrun::controller
