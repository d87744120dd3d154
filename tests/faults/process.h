// One operator process over the fake API server: everything that a crash would take, and nothing else. No thread of its
// own works keys: the test does, one at a time, so that equal tests go equal ways.
#pragma once

#include <deque>

#include "controller/run_gate.h"
#include "controller/term.h"
#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"

namespace modelrun::faults {

// What outlives every process.
struct Machine {
  fakes::ManualClock clock;
  fakes::ManualSteadyClock steady;
  fakes::FakeApiServer server{clock};
  fakes::FakeApiServer events{clock};  // apart, so that the recorder's thread does not mix into the count of writes
  controller::Settings settings;
  bool image_volumes = false;  // the API server has them
  traces::Tracer* tracer = nullptr;
  cloudevents::Sink* sink = nullptr;  // not null: settings.end_events has a value

  void advance(Duration span) {
    clock.advance(span);
    steady.advance(span);
  }
};

enum class Collection { kProjects, kRuns, kSweeps, kJobs, kPods };
inline constexpr Collection kCollections[] = {Collection::kProjects, Collection::kRuns, Collection::kSweeps,
                                              Collection::kJobs, Collection::kPods};

// Keeps tasks until the test runs them.
class WaitingTasks final : public controller::Executor {
 public:
  void post(std::string_view, Task task) override { tasks_.push_back(std::move(task)); }
  void post_short(std::string_view owner, Task task) override { post(owner, std::move(task)); }
  // Runs the tasks that wait, and those that they post.
  void run_all();

 private:
  std::deque<Task> tasks_;
};

class Process {
 public:
  // Fills its caches and leads.
  explicit Process(Machine& machine);

  // Its cache of `collection` catches up with the API server. Until then it is stale.
  void sync(Collection collection);
  // Works one key, of a run if one is due, else of a project, a sweep, or a run that owes an event; false when none is.
  bool work();
  // When the first delayed key comes due.
  [[nodiscard]] std::optional<runtime::SteadyClock::Point> next_due() const;
  // Has the run's source at hand, so that a grant is answered within settle(), not on a thread of the pool.
  void warm(const std::string& key);

  controller::RunGate& gate() { return gate_; }
  [[nodiscard]] const controller::Caches& caches() const { return caches_; }
  [[nodiscard]] const controller::Context& context() const { return term_->context(); }
  // Runs the tasks that wait for the background.
  void run_tasks() { tasks_->run_all(); }
  // The process loses the lease, and gets it back. It leads when it is made.
  void stop_leading();
  void begin_leading();

 private:
  Machine& machine_;
  kube::Client client_;
  kube::Client events_client_;
  runtime::Metrics metrics_;
  controller::Caches caches_;
  runtime::EventRecorder events_;
  WaitingTasks* tasks_ = nullptr;  // of the term
  std::shared_ptr<controller::Term> term_;
  controller::CurrentTerm current_;
  controller::RunGate gate_;
};

// Of the one git repository that all tests share: run.py and model/revenue.py on main. Branch "unsafe" is not served:
// it has a link that leads out of the tree.
std::string repository_url();
std::string repository_commit();

}  // namespace modelrun::faults
