#include "controller/pods/inbox.h"

#include <algorithm>
#include <utility>

namespace modelrun::controller {
namespace {

struct WaitingClaim {
  Claim claim;
  Inbox::GrantFn done;
};

struct WaitingFrame {
  std::string pod_uid;
  FramePtr frame;
  std::vector<Inbox::DoneFn> done;  // more than one after an agent lost its connection and submitted again
};

struct WaitingOrder {
  std::uint64_t id = 0;
  int attempt = 0;
  std::string pod_uid;
  Inbox::OrderFn done;
};

std::unexpected<Error> attempt_over() {
  return fail(ErrorKind::kConflict, "this attempt is over, or another pod runs it");
}

std::unexpected<Error> term_over() {
  return fail(ErrorKind::kUnavailable, "this operator no longer leads; ask again");
}

// Callbacks are collected while the lock is held, and called after it is released.
using Calls = std::vector<std::function<void()>>;

}  // namespace

struct Inbox::Entry {
  std::vector<WaitingClaim> claims;
  std::vector<WaitingFrame> frames;
  std::vector<WaitingOrder> orders;

  // The notes about attempt `attempt`. begin() clears them when a later attempt is named.
  int attempt = 0;
  FramePtr durable;
  bool durable_final = false;
  int durable_failures = 0;
  int payload_refusals = 0;
  bool job_foreign = false;
  bool children_ensured = false;
  bool cancel_ordered = false;
  bool awaits_work = false;
  std::set<std::string> job_uids;
  std::string job_error;
  std::string pod_refusal;
  std::string payload_error;
  std::optional<Error> source_lost;
  std::map<Mark, runtime::SteadyClock::Point> marks;
  // Of the run, not of the attempt:
  std::optional<runtime::SteadyClock::Point> known_since;
  std::optional<runtime::SteadyClock::Point> trouble_since;

  // The first frame of a pod counts, because a pod has only one result.
  bool join(const std::string& pod_uid, int number, const DoneFn& done) {
    const auto same = std::ranges::find_if(
        frames, [&](const auto& have) { return have.pod_uid == pod_uid && have.frame->attempt == number; });
    if (same == frames.end()) return false;
    same->done.push_back(done);
    return true;
  }

  void begin(int next) {
    attempt = next;
    durable.reset();
    durable_final = job_foreign = children_ensured = cancel_ordered = awaits_work = false;
    durable_failures = payload_refusals = 0;
    job_uids.clear();
    job_error.clear();
    pod_refusal.clear();
    payload_error.clear();
    source_lost.reset();
    marks.clear();
  }
};

Inbox::Entry& Inbox::entry_locked(const std::string& uid) {
  auto& entry = entries_[uid];
  if (!entry) entry = std::make_shared<Entry>();
  return *entry;
}

Inbox::Entry* Inbox::attempt_locked(const std::string& uid, int attempt) {
  auto& entry = entry_locked(uid);
  if (attempt > entry.attempt) entry.begin(attempt);
  return attempt == entry.attempt ? &entry : nullptr;
}

void Inbox::claim(const std::string& uid, Claim claim, GrantFn done) {
  {
    const MutexLock lock(mutex_);
    if (!closed_) {
      entry_locked(uid).claims.push_back({std::move(claim), std::move(done)});
      return;
    }
  }
  done(term_over());
}

bool Inbox::join(const std::string& uid, const std::string& pod_uid, int attempt, const DoneFn& done) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  return found != entries_.end() && found->second->join(pod_uid, attempt, done);
}

void Inbox::submit(const std::string& uid, std::string pod_uid, FramePtr frame, DoneFn done) {
  MutexLock lock(mutex_);
  if (closed_) {
    lock.unlock();
    return done(term_over());
  }
  auto& entry = entry_locked(uid);
  if (entry.join(pod_uid, frame->attempt, done)) return;
  entry.frames.push_back({std::move(pod_uid), std::move(frame), {}});
  entry.frames.back().done.push_back(std::move(done));
}

std::unique_ptr<runserver::LongPoll> Inbox::watch_orders(const std::string& uid, int attempt, std::string pod_uid,
                                                         const OrderFn& done) {
  std::uint64_t id = 0;
  bool cancel = false;
  bool closed = false;
  {
    const MutexLock lock(mutex_);
    id = next_id_++;
    closed = closed_;
    if (!closed) {
      auto& entry = entry_locked(uid);
      cancel = entry.cancel_ordered && entry.attempt == attempt;
      if (!cancel) entry.orders.push_back({id, attempt, std::move(pod_uid), done});
    }
  }
  if (closed) done(term_over());
  if (cancel) done(runserver::Order::kCancel);
  return std::make_unique<runserver::LongPoll>([self = shared_from_this(), uid, id] { self->end_watch(uid, id); });
}

void Inbox::end_watch(const std::string& uid, std::uint64_t id) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  if (found == entries_.end()) return;
  std::erase_if(found->second->orders, [&](const auto& order) { return order.id == id; });
}

Inbox::Notes Inbox::read(const api::ModelRun& run) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(run.meta.uid);
  if (found == entries_.end()) return {};
  const auto& status = run.status;
  const auto& entry = *found->second;
  Notes notes;
  // Notes about an earlier attempt say nothing about this one.
  if (entry.attempt >= status.attempts) {
    notes = {.claims = {},
             .frame = entry.durable,
             .durable_final = entry.durable_final,
             .job_foreign = entry.job_foreign,
             .children_ensured = entry.children_ensured,
             .job_error = entry.job_error,
             .pod_refusal = entry.pod_refusal,
             .durable_failures = entry.durable_failures,
             .payload_refusals = entry.payload_refusals,
             .payload_error = entry.payload_error,
             .source_lost = entry.source_lost,
             .awaits_work = entry.awaits_work,
             .marks = {}};
    for (const auto& [mark, set] : entry.marks) notes.marks.emplace(mark, elapsed(set));
  }
  for (const auto& waiting : entry.claims) notes.claims.push_back(waiting.claim);
  for (const auto& waiting : entry.frames) {
    if (waiting.frame->attempt != status.attempts) continue;
    // The only thing that a pod can report without having been given the source is that the model was not started.
    const bool unstarted = status.pod_uid.empty() && waiting.frame->exit.how == api::ExitHow::kNotStarted;
    if (unstarted || waiting.pod_uid == status.pod_uid) notes.frame = waiting.frame;
  }
  return notes;
}

void Inbox::put_durable(const std::string& uid, int attempt, FramePtr frame, bool last) {
  const MutexLock lock(mutex_);
  auto* entry = attempt_locked(uid, attempt);
  if (entry == nullptr) return;
  if (frame)
    entry->durable = std::move(frame);
  else
    entry->durable_final = last;
}

void Inbox::durable_failed(const std::string& uid, int attempt) {
  const MutexLock lock(mutex_);
  if (auto* entry = attempt_locked(uid, attempt)) ++entry->durable_failures;
}

void Inbox::payload_refused(const std::string& uid, int attempt, std::string error) {
  const MutexLock lock(mutex_);
  auto* entry = attempt_locked(uid, attempt);
  if (entry == nullptr) return;
  ++entry->payload_refusals;
  entry->payload_error = std::move(error);
}

void Inbox::set_mark(const std::string& uid, int attempt, Mark mark, bool again) {
  const MutexLock lock(mutex_);
  auto* entry = attempt_locked(uid, attempt);
  if (entry == nullptr) return;
  if (again)
    entry->marks[mark] = clock_.now();
  else
    entry->marks.emplace(mark, clock_.now());
}

Duration Inbox::known_for(const std::string& uid) {
  const MutexLock lock(mutex_);
  auto& since = entry_locked(uid).known_since;
  if (!since) since = clock_.now();
  return elapsed(*since);
}

Duration Inbox::trouble(const std::string& uid) {
  const MutexLock lock(mutex_);
  auto& since = entry_locked(uid).trouble_since;
  if (!since) since = clock_.now();
  return elapsed(*since);
}

Duration Inbox::trouble_for(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  if (found == entries_.end() || !found->second->trouble_since) return {};
  return elapsed(*found->second->trouble_since);
}

void Inbox::trouble_over(const std::string& uid) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  if (found != entries_.end()) found->second->trouble_since.reset();
}

void Inbox::set_job(const std::string& uid, int attempt, bool foreign) {
  const MutexLock lock(mutex_);
  auto* entry = attempt_locked(uid, attempt);
  if (entry == nullptr) return;
  entry->job_foreign = foreign;
  entry->children_ensured = !foreign;
  entry->job_error.clear();
}

void Inbox::job_failed(const std::string& uid, int attempt, std::string error) {
  const MutexLock lock(mutex_);
  if (auto* entry = attempt_locked(uid, attempt)) entry->job_error = std::move(error);
}

void Inbox::set_pod_refusal(const std::string& uid, int attempt, std::string refusal) {
  const MutexLock lock(mutex_);
  auto* entry = attempt_locked(uid, attempt);
  if (entry == nullptr) return;
  entry->pod_refusal = std::move(refusal);
  entry->marks.insert_or_assign(Mark::kRefusalRead, clock_.now());
}

void Inbox::set_job_seen(const std::string& uid, int attempt, const std::string& job_uid) {
  const MutexLock lock(mutex_);
  if (auto* entry = attempt_locked(uid, attempt)) entry->job_uids.insert(job_uid);
}

std::set<std::string> Inbox::jobs_seen(const api::ModelRun& run) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(run.meta.uid);
  const bool current = found != entries_.end() && found->second->attempt >= run.status.attempts;
  return current ? found->second->job_uids : std::set<std::string>{};
}

void Inbox::set_awaits_work(const std::string& uid, int attempt, bool awaits) {
  const MutexLock lock(mutex_);
  if (auto* entry = attempt_locked(uid, attempt)) entry->awaits_work = awaits;
}

void Inbox::set_source_lost(const std::string& uid, int attempt, Error error) {
  const MutexLock lock(mutex_);
  auto* entry = attempt_locked(uid, attempt);
  if (entry == nullptr) return;
  entry->source_lost = std::move(error);
  entry->marks.emplace(Mark::kSourceLost, clock_.now());
}

bool Inbox::source_found(const std::string& uid, int attempt) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(uid);
  if (found == entries_.end() || found->second->attempt != attempt || !found->second->source_lost) return false;
  found->second->source_lost.reset();
  found->second->marks.erase(Mark::kSourceLost);
  return true;
}

void Inbox::job_resumed(const std::string& uid, int attempt) {
  const MutexLock lock(mutex_);
  auto* entry = attempt_locked(uid, attempt);
  if (entry == nullptr || !entry->marks.contains(Mark::kJobSuspended)) return;
  entry->durable.reset();
  entry->durable_final = false;
  entry->durable_failures = 0;
  entry->pod_refusal.clear();
  entry->marks = {{Mark::kAttempt, clock_.now()}};
}

void Inbox::order_cancel(const std::string& uid, int attempt) {
  std::vector<WaitingOrder> told;
  {
    const MutexLock lock(mutex_);
    auto* entry = attempt_locked(uid, attempt);
    if (entry == nullptr) return;
    entry->cancel_ordered = true;
    const auto others =
        std::ranges::partition(entry->orders, [&](const auto& order) { return order.attempt != attempt; });
    std::ranges::move(others, std::back_inserter(told));
    entry->orders.erase(others.begin(), others.end());
  }
  for (const auto& order : told) order.done(runserver::Order::kCancel);
}

void Inbox::settle(const api::ModelRun& run) {
  const auto& status = run.status;
  const bool final = api::is_final(status.phase);
  const auto is_current = [&](int attempt, const std::string& pod_uid) {
    return attempt == status.attempts && pod_uid == status.pod_uid;
  };
  Calls calls;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(run.meta.uid);
    if (found == entries_.end()) return;
    auto& entry = *found->second;
    std::erase_if(entry.claims, [&](WaitingClaim& waiting) {
      const bool granted = !final && is_current(waiting.claim.attempt, waiting.claim.pod_uid);
      const bool refused = final || waiting.claim.attempt != status.attempts || !status.pod_uid.empty();
      if (granted)
        calls.emplace_back([done = std::move(waiting.done)] { done({}); });
      else if (refused)
        calls.emplace_back([done = std::move(waiting.done)] { done(attempt_over()); });
      return granted || refused;
    });
    std::erase_if(entry.frames, [&](WaitingFrame& waiting) {
      const bool committed = final && is_current(waiting.frame->attempt, waiting.pod_uid);
      // If no pod is recorded, this status is older than the grant, or the frame says that the model was not started.
      // In both cases the frame waits for a later status.
      const bool other_pod = !status.pod_uid.empty() && waiting.pod_uid != status.pod_uid;
      const bool refused = !committed && (final || waiting.frame->attempt != status.attempts || other_pod);
      if (!committed && !refused) return false;
      for (auto& done : waiting.done) {
        if (committed)
          calls.emplace_back([done = std::move(done)] { done({}); });
        else
          calls.emplace_back([done = std::move(done)] { done(attempt_over()); });
      }
      return true;
    });
    std::erase_if(entry.orders, [&](WaitingOrder& order) {
      if (!final && is_current(order.attempt, order.pod_uid)) return false;
      if (!final && order.attempt == status.attempts && status.pod_uid.empty()) return false;
      calls.emplace_back([done = std::move(order.done)] { done(runserver::Order::kOver); });
      return true;
    });
  }
  for (const auto& call : calls) call();
}

void Inbox::answer_all(const Entry& entry, const std::unexpected<Error>& error, Result<runserver::Order> order) {
  for (const auto& waiting : entry.claims) waiting.done(error);
  for (const auto& waiting : entry.frames) {
    for (const auto& done : waiting.done) done(error);
  }
  for (const auto& waiting : entry.orders) waiting.done(order);
}

void Inbox::forget(const std::string& uid) {
  std::shared_ptr<Entry> entry;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    entry = std::move(found->second);
    entries_.erase(found);
  }
  answer_all(*entry, attempt_over(), runserver::Order::kOver);
}

void Inbox::close() {
  std::map<std::string, std::shared_ptr<Entry>> entries;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    entries.swap(entries_);
  }
  for (const auto& [uid, entry] : entries) answer_all(*entry, term_over(), term_over());
}

Duration Inbox::elapsed(runtime::SteadyClock::Point since) const {
  return std::chrono::duration_cast<Duration>(clock_.now() - since);
}

}  // namespace modelrun::controller
