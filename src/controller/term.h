// What an operator process knows in memory while it leads, apart from its caches: requests of pods, who waits for a
// slot, how far sources are, which keys are to be worked on. All of it belongs to one term of leadership. A process
// that loses the lease and gets it back begins with nothing, because what it knew may have become false meanwhile, and
// nobody told it so.
#pragma once

#include <cstdint>
#include <memory>
#include <random>

#include "base/mutex.h"
#include "controller/context.h"

namespace modelrun::controller {

// Thread-safe, as the objects in it are. Whoever works on the queues must have stopped before it is destroyed.
class Term {
 public:
  // What outlives the term, and the executor for its work in the background.
  struct Parts {
    kube::Client& client;
    const Settings& settings;
    const Clock& clock;
    runtime::SteadyClock& steady;
    Caches& caches;
    Git& git;
    const source::Policy& policy;
    runtime::EventSink& events;
    runtime::Metrics& metrics;
    std::unique_ptr<Executor> executor;
    traces::Tracer* tracer = nullptr;             // null: there is no tracing
    cloudevents::Sink* sink = nullptr;            // null, as Settings::end_events: there are no events
    bool image_volumes = false;                   // the API server has them
    std::uint64_t seed = std::random_device{}();  // of the queues' back-off
  };
  explicit Term(Parts parts);
  // Answers the requests of pods that still wait with kUnavailable: another operator will lead. Waits for the work of
  // the executor, which it asks to stop.
  ~Term();
  Term(const Term&) = delete;
  Term& operator=(const Term&) = delete;

  [[nodiscard]] const Context& context() const { return context_; }

 private:
  runtime::WorkQueue run_queue_;
  runtime::WorkQueue project_queue_;
  runtime::WorkQueue sweep_queue_;
  runtime::WorkQueue end_event_queue_;
  HeldFrames results_;
  LargeWork large_;
  std::shared_ptr<Inbox> inbox_;
  std::shared_ptr<Standbys> standbys_;
  PointRows points_;
  SlotQueue slots_;
  Leads leads_;
  WriteTimes project_writes_;
  EndTimes ends_;
  ImageVolumeUse image_volumes_;
  SweepNotes sweeps_;
  OwedEvents owed_;
  SinkPace pace_;
  Context context_;
  Sources sources_;  // last: its tasks use all other members
};

// The process's present term, if it leads, for those who act while it may end: the callbacks of the caches, and the
// requests of pods. Thread-safe.
class CurrentTerm {
 public:
  // The changes of the caches reach `term` from now on, and everything that is in them is added to its queues.
  // REQUIRES: there is no term.
  void begin(const std::shared_ptr<Term>& term);
  // Waits until no with() uses the term any more. Does nothing when there is none. The caller destroys the term.
  void end();

  [[nodiscard]] bool leading() const;
  // Calls `use` with the term's context, and returns true; returns false when there is no term. `use` must not block,
  // nor call begin() or end().
  template <class Use>
  bool with(const Use& use) const {
    const ReadLock lock(mutex_);
    if (!term_) return false;
    use(term_->context());
    return true;
  }

 private:
  mutable SharedMutex mutex_;
  std::shared_ptr<Term> term_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::controller
