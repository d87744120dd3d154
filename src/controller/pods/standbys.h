// The standbys (api/standby.h) whose pods ask for work, as this process sees them: who is ready, which run is about to
// adopt whom, and the requests that wait for an answer.
//
// All of it is lost when the process ends, and nothing depends on it: whose a standby is stands in its Job, and a pod
// that gets no answer asks again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "runserver/handler.h"
#include "runtime/steady_clock.h"

namespace modelrun::controller {

// Thread-safe; no function blocks for long. Pods are named by their UID. Callbacks are called without a lock held, on
// the thread that answers, so they must not block. Held by a std::shared_ptr, because requests may outlive the term.
class Standbys : public std::enable_shared_from_this<Standbys> {
 public:
  using WorkFn = std::function<void(Result<runserver::GivenWork>)>;

  // `seed` is that of the names.
  Standbys(const runtime::SteadyClock& clock, std::uint64_t seed) : clock_(clock), random_(seed) {}

  // For RunGate, which has checked whose the pod is. A pod that asks again takes the place of its earlier request. The
  // request ends when the returned object is destroyed. Never returns null.
  std::unique_ptr<runserver::LongPoll> await_work(const std::string& pod_uid, const WorkFn& done);

  // True while the pod asks, and for two seconds after its last request has ended: it asks again at once.
  [[nodiscard]] bool ready(const std::string& pod_uid) const;
  // Keeps the pod for the run, which is about to adopt its Job, and lets go of another that was kept for it. False if
  // another run has it, or if it has never asked.
  bool reserve(const std::string& pod_uid, const std::string& run_uid);
  // Lets go of what reserve() has kept for the run. Call when it has adopted the Job or will not.
  void release(const std::string& run_uid);

  // Takes the request of the pod out, so that the caller answers it, once; null if the pod does not ask now.
  [[nodiscard]] WorkFn take_request(const std::string& pod_uid);
  // Call when the pod is gone.
  void forget(const std::string& pod_uid);
  // Call when the term ends: answers all requests, and those to come, with kUnavailable.
  void close();

  // For how long the standby with this Job has not been ready, as far as this process knows: since it first looked, or
  // since the standby was last ready. Zero if it is ready. Other processes knew other standbys to be ready, so a new
  // leader waits for each anew.
  Duration unready_for(const std::string& job_uid, bool ready);
  // Since when, as far as this process knows, the pod of the standby with this Job has had a node. Zero if it has none.
  Duration placed_for(const std::string& job_uid, bool placed);
  // Call when the Job is made.
  void note_made(const std::string& job_uid);
  // How long it took from there until the standby was ready: once for each Job that this process has made, when it is
  // first asked after that; else nullopt.
  std::optional<Duration> take_refill_time(const std::string& job_uid);
  // Call when the Job is gone.
  void forget_job(const std::string& job_uid);

  // That standbys of a project have failed, and when the next one may be made: later after each failure in a row.
  struct Trouble {
    std::string message;
    Duration retry_in{};  // not above zero: now
  };
  void note_failure(const std::string& project_uid, std::string message);
  [[nodiscard]] std::optional<Trouble> trouble(const std::string& project_uid) const;
  // Call when one is ready.
  void forget_failures(const std::string& project_uid);

  // Call when a run has adopted a standby of the project.
  void note_adopted(const std::string& project_uid);
  // In how long others may be made in their place; not above zero: now. A new pod costs more of the node's processor
  // than a run of a small model does, so runs that came together have half a second before it, and a second at most
  // since the first of them.
  Duration refill_in(const std::string& project_uid);

  // Call when the project is gone.
  void forget_project(const std::string& project_uid);

  // A name for the Job of a standby: "<project>-standby-<10 characters>", cut to 63.
  std::string new_name(const std::string& project);

 private:
  struct Entry {
    std::uint64_t id = 0;                                 // of the request
    WorkFn done;                                          // empty: none waits
    std::optional<runtime::SteadyClock::Point> ended_at;  // when the last request ended; nullopt while one waits
    std::string reserved_for;                             // the UID of the run that the pod is kept for
  };
  struct Failures {
    int count = 0;
    std::string message;
    runtime::SteadyClock::Point retry_at{};
  };
  struct Adoptions {
    runtime::SteadyClock::Point first{}, last{};
  };
  void end_request(const std::string& pod_uid, std::uint64_t id);
  void release_locked(const std::string& run_uid) REQUIRES(mutex_);

  const runtime::SteadyClock& clock_;
  mutable Mutex mutex_;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::uint64_t next_id_ GUARDED_BY(mutex_) = 1;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);         // by pod UID
  std::map<std::string, std::string> reserved_ GUARDED_BY(mutex_);  // the pod that is kept for a run, by run UID
  std::map<std::string, runtime::SteadyClock::Point> unready_since_ GUARDED_BY(mutex_);  // by Job UID
  std::map<std::string, runtime::SteadyClock::Point> placed_since_ GUARDED_BY(mutex_);   // by Job UID
  std::map<std::string, runtime::SteadyClock::Point> made_ GUARDED_BY(mutex_);  // by Job UID, until it is ready
  std::map<std::string, Failures> failures_ GUARDED_BY(mutex_);                 // by project UID
  std::map<std::string, Adoptions> adoptions_ GUARDED_BY(mutex_);  // by project UID, until the pool is refilled
  std::mt19937_64 random_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::controller
