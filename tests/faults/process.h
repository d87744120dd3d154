// One operator process over the fake API server: everything that a crash would take, and nothing else. No thread of its
// own works keys: the test does, one at a time, so that equal tests go equal ways.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>

#include "controller/context.h"
#include "controller/pods/run_gate.h"
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

  void advance(Duration span) {
    clock.advance(span);
    steady.advance(span);
  }
};

enum class Collection { kProjects, kRuns, kJobs, kPods };
inline constexpr Collection kCollections[] = {Collection::kProjects, Collection::kRuns, Collection::kJobs,
                                              Collection::kPods};

class Process {
 public:
  // Fills its caches and leads.
  Process(Machine& machine, std::uint64_t seed);

  // Its cache of `collection` catches up with the API server. Until then it is stale.
  void sync(Collection collection);
  // Works one key; false when none is due. `projects_first`: which of the two queues is asked first.
  bool work(bool projects_first = false);
  // When the first delayed key comes due.
  [[nodiscard]] std::optional<runtime::SteadyClock::Point> next_due() const;
  // Has the run's source at hand, so that a grant is answered within settle(), not on a thread of the pool.
  void warm(const std::string& key);

  controller::RunGate& gate() { return gate_; }
  [[nodiscard]] const controller::Caches& caches() const { return caches_; }
  [[nodiscard]] const controller::Context& context() const { return context_; }

 private:
  void settle_sources();

  Machine& machine_;
  kube::Client client_;
  kube::Client events_client_;
  std::mutex mutex_;  // guards what the pool's threads say
  std::condition_variable changed_;
  std::set<std::string> woken_runs_, woken_projects_;  // ever
  std::set<std::string> fresh_runs_, fresh_projects_;  // not yet in a queue
  runtime::Metrics metrics_;
  runtime::WorkQueue run_queue_;
  runtime::WorkQueue project_queue_;
  controller::Inbox inbox_;
  controller::SlotQueue slots_;
  controller::Leads leads_;
  controller::WriteTimes project_writes_;
  controller::Caches caches_;
  controller::Sources sources_;
  runtime::EventRecorder events_;
  controller::Context context_;
  controller::RunGate gate_;
  std::atomic<bool> leading_{false};
};

// Of the one git repository that all tests share: run.py and model/revenue.py on main. Branch "unsafe" is not served:
// it has a link that leads out of the tree.
std::string repository_url();
std::string repository_commit();

}  // namespace modelrun::faults
