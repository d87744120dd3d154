// Holds the requests of pods that wait for an answer, and notes about each run that no Kubernetes object records.
//
// All of it is lost when the process ends, and nothing depends on it: the API server holds the status, the agent's
// log and termination message hold the result, and agents repeat requests that were not answered.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "base/error.h"
#include "base/mutex.h"
#include "controller/pods/held_frame.h"
#include "controller/run/observed.h"
#include "runserver/handler.h"
#include "runtime/steady_clock.h"

namespace modelrun::controller {

// One entry for each run, found by the run's UID. An entry comes into being with the first call that has something to
// store for the run, and goes with forget(). The life of an entry, with who calls what:
//
//   1. Claim. The agent of a pod asks for the source. RunGate calls claim() on an io thread of the run server, and
//      adds the run to the work queue. The claim waits in the entry.
//   2. Grant. A reconcile thread reads the claim with read(), decides that this pod may execute the attempt, and
//      writes status.podUID with phase Running. After the write apply_run() calls settle(): the claim of the recorded
//      pod succeeds, the claims of other pods fail. The agent then also waits in watch_orders(), again by way of
//      RunGate.
//   3. Frame. The agent pushes its result: RunGate calls submit() on an io thread of the run server. The next pass
//      over the run reads the frame and writes the final status. If the push does not come, the pass reads the
//      durable copy from the agent's log, and stores it with put_durable().
//   4. Settle. After the final status is written apply_run() calls settle() again. The frame's callback succeeds, the
//      other callbacks fail, and pending watches get Order::kOver.
//   5. Forget. The next pass over the ended run calls forget(), and so does the watcher when the run is deleted.
//      forget() answers whatever still waits, and drops the entry.
//
// Every pass over a run that has not ended calls settle(), unless one of its requests to the API server fails first.
// So a request is also answered by a status that was written before the request came.
//
// An entry's notes (all that read() returns but claims and pushed frames) belong to one attempt. The first call that
// names a later attempt drops the notes about the earlier one. Claims, frames and watches stay: settle() answers
// those of earlier attempts.
//
// Functions that are given an attempt REQUIRE that it is the current one, as the caller knows it. They do nothing if a
// later attempt has begun by then.
//
// Thread-safe; no function blocks for long. Each GrantFn and DoneFn is called exactly once, unless its request still
// waits when the inbox is destroyed, which close() avoids. Callbacks are called without a lock held, on the thread that
// calls settle(), forget(), close(), order_cancel() or watch_orders(), so they must not block.
//
// Held by a std::shared_ptr, because watches of the run server may outlive the term that the inbox belongs to.
class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
  // The clock measures the marks; it must outlive the inbox.
  explicit Inbox(const runtime::SteadyClock& clock) : clock_(clock) {}

  // Success: the pod is recorded in the run's status in the API server. kConflict: the attempt is over, or another
  // pod executes it.
  using GrantFn = std::function<void(Result<void>)>;
  // Success: the run's final status is in the API server. kConflict: as for GrantFn.
  using DoneFn = std::function<void(Result<void>)>;
  // Called with Order::kCancel or Order::kOver.
  using OrderFn = std::function<void(Result<runserver::Order>)>;

  // For RunGate. The caller has checked that the pod belongs to the attempt.

  // Stores the claim until settle() or forget() answers it.
  void claim(const std::string& uid, Claim claim, GrantFn done);
  // True if the pod has submitted a frame for the attempt before, which still waits: then `done` gets its answer too.
  // An agent that has lost its connection submits again.
  bool join(const std::string& uid, const std::string& pod_uid, int attempt, const DoneFn& done);
  // Stores the frame until settle() or forget() answers it. If the pod has submitted one before, the first one counts,
  // as with join(). A frame of a pod that was never recorded (ExitHow::kNotStarted) is used too, but answered with
  // kConflict.
  void submit(const std::string& uid, std::string pod_uid, FramePtr frame, DoneFn done);
  // Calls `done` when there is an order for the pod: before this function returns if the attempt's cancel was ordered
  // already, else from order_cancel(), settle(), forget() or close(), and at most once. The watch ends when the
  // returned object is destroyed; a call that has begun may still be running then. Never returns null. REQUIRES: a
  // std::shared_ptr holds the inbox.
  std::unique_ptr<runserver::LongPoll> watch_orders(const std::string& uid, int attempt, std::string pod_uid,
                                                    const OrderFn& done);

  // For the reconciler. The fields have the meaning that they have in Observed (run/observed.h).
  struct Notes {
    std::vector<Claim> claims;  // of all attempts
    FramePtr frame;             // a pushed frame, else the durable copy; null if there is none
    bool durable_final = false;
    bool job_foreign = false;
    bool children_ensured = false;
    std::string job_error;
    std::string pod_refusal;
    int durable_failures = 0;
    int payload_refusals = 0;
    std::string payload_error;  // of the last refusal
    std::optional<Error> source_lost;
    bool awaits_work = false;
    std::map<Mark, Duration> marks;
  };
  // Returns what is known of the current attempt of `run`, which is status.attempts. Leaves out frames of other
  // attempts and pods. As long as no pod is recorded in status, a frame of any pod of the attempt is returned if it
  // says that the model was not started (ExitHow::kNotStarted). Returns empty notes if there is no entry. Changes
  // nothing.
  [[nodiscard]] Notes read(const api::ModelRun& run) const;
  // Notes the durable copy of the attempt's result. With null, notes that there is none; `last` says that there will
  // never be one.
  void put_durable(const std::string& uid, int attempt, FramePtr frame, bool last);
  // Notes that the durable copy of this attempt could not be read now. The notes count these calls.
  void durable_failed(const std::string& uid, int attempt);
  // Notes that the API server has refused the payload of this attempt. The notes count these calls and hold the last
  // `error`.
  void payload_refused(const std::string& uid, int attempt, std::string error);
  // Sets `mark` to the present. With `again` false, a mark that is set keeps its time.
  void set_mark(const std::string& uid, int attempt, Mark mark, bool again);
  // How long ago this function was first called for the run.
  Duration known_for(const std::string& uid);
  // Notes that a pass over the run has failed. Returns how long ago the first one did so since trouble_over().
  Duration trouble(const std::string& uid);
  void trouble_over(const std::string& uid);
  // How long ago that was; zero if there is no trouble.
  [[nodiscard]] Duration trouble_for(const std::string& uid) const;
  // Notes that the attempt's Job and ConfigMap are in place, or with `foreign` that the Job's name is taken by an
  // object of somebody else.
  void set_job(const std::string& uid, int attempt, bool foreign);
  // Notes why one of the attempt's objects could not be made. The note goes with set_job().
  void job_failed(const std::string& uid, int attempt, std::string error);
  // Notes why the Job controller could not make the pod of the attempt's Job, and when that was looked up
  // (Mark::kRefusalRead). Empty: nothing is known.
  void set_pod_refusal(const std::string& uid, int attempt, std::string refusal);
  // Notes that the attempt's Job exists or did exist, and its UID.
  void set_job_seen(const std::string& uid, int attempt, const std::string& job_uid);
  // The UIDs that set_job_seen() was given for the current attempt of `run`.
  [[nodiscard]] std::set<std::string> jobs_seen(const api::ModelRun& run) const;
  // Notes that the attempt's pod is a standby that the run has adopted, and then that it has been given its work.
  void set_awaits_work(const std::string& uid, int attempt, bool awaits);
  // Notes that the source which the attempt's pod was granted cannot be had.
  void set_source_lost(const std::string& uid, int attempt, Error error);
  // Notes that it was given to the pod after all. Returns true if set_source_lost() was called before.
  bool source_found(const std::string& uid, int attempt);
  // Call when the attempt's Job is not suspended and no pod was given the source. If Mark::kJobSuspended is set, the
  // notes about the pods until now go: Mark::kAttempt is set to the present, and no other mark is.
  void job_resumed(const std::string& uid, int attempt);
  // Gives Order::kCancel to every pod of the attempt that watches, and to every watch of the attempt that begins
  // later.
  void order_cancel(const std::string& uid, int attempt);
  // Answers every request whose answer follows from the status of `run`. The API server must hold that status.
  // Requests that the status does not answer yet go on waiting.
  void settle(const api::ModelRun& run);
  // Call when the run has ended or is gone. Drops the entry. Requests that still wait get kConflict, watches get
  // Order::kOver.
  void forget(const std::string& uid);
  // Call when the term ends. Drops all entries. Requests and watches that wait get kUnavailable, and so does whatever
  // comes later.
  void close();

 private:
  struct Entry;
  Entry& entry_locked(const std::string& uid) REQUIRES(mutex_);
  // The entry, with the notes of `attempt`; null if a later attempt has begun.
  Entry* attempt_locked(const std::string& uid, int attempt) REQUIRES(mutex_);
  static void answer_all(const Entry& entry, const std::unexpected<Error>& error, Result<runserver::Order> order);
  [[nodiscard]] Duration elapsed(runtime::SteadyClock::Point since) const;
  void end_watch(const std::string& uid, std::uint64_t id);

  const runtime::SteadyClock& clock_;
  mutable Mutex mutex_;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::map<std::string, std::shared_ptr<Entry>> entries_ GUARDED_BY(mutex_);
  std::uint64_t next_id_ GUARDED_BY(mutex_) = 1;
};

}  // namespace modelrun::controller
