// One operator process: the product's own code on fibers, over a simulated connection and simulated clocks.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/run_gate.h"
#include "controller/term.h"
#include "kube/client.h"
#include "runtime/events.h"
#include "runtime/leader.h"
#include "runtime/watcher.h"
#include "runtime/workers.h"
#include "simulation/clocks.h"
#include "simulation/git.h"
#include "simulation/transport.h"

namespace modelrun::simulation {

// What a process needs of the world, which outlives it.
struct ProcessParts {
  Sim& sim;
  ApiServer& server;
  Network& network;
  const SimGit::Servers& git;
  const controller::Settings& settings;
  std::string who;       // "operator A"
  std::string identity;  // in the lease
  std::uint64_t seed = 0;
  Duration clock_offset{0};
  bool elect = true;  // false: leads from the start, whoever else does
};

class Process {
 public:
  explicit Process(ProcessParts parts);
  // REQUIRES: ended().
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Starts its fibers.
  void start();
  // Asks all of its fibers to end. After a kill nothing that they still do reaches the world.
  void kill();
  void terminate() { stop_.request_stop(); }
  [[nodiscard]] bool is_stopping() const { return stop_.stop_requested(); }
  [[nodiscard]] bool is_dead() const { return dead_; }
  [[nodiscard]] bool ended() const { return group_.alive == 0; }

  [[nodiscard]] controller::RunGate& gate() { return gate_; }
  [[nodiscard]] bool leading() const { return !dead_ && term_.leading(); }
  // Null unless it leads. For looking at its queues.
  [[nodiscard]] const controller::Term* term() const { return own_term_.get(); }
  [[nodiscard]] const controller::Caches& caches() const { return caches_; }
  [[nodiscard]] bool synced() const;
  SimTransport& transport() { return transport_; }
  SimClock& clock() { return clock_; }
  FiberGroup& group() { return group_; }
  [[nodiscard]] const std::string& who() const { return parts_.who; }
  // What the process knows, for counting states.
  [[nodiscard]] std::uint64_t digest() const;

 private:
  // Events go nowhere: they are not part of what the invariants are about.
  class NoEvents final : public runtime::EventSink {
   public:
    void event(const kube::Resource&, const api::ObjectMeta&, runtime::EventKind, std::string_view, std::string_view,
               std::string) override {}
  };
  void watch(const kube::Resource& resource, std::string_view selector, std::unique_ptr<runtime::WatchSink> sink);
  void lead();
  void begin_leading();
  void end_leading();
  void start_workers();
  void work(std::string_view kind, runtime::WorkQueue& queue, const runtime::Reconcile& reconcile,
            std::stop_token stop);

  const ProcessParts parts_;
  Sim& sim_;
  FiberGroup group_;
  std::stop_source stop_;
  bool dead_ = false;
  bool has_led_ = false;
  SimSteadyClock steady_;
  SimClock clock_;
  SimTransport transport_;
  kube::Client client_;
  SimGit git_;
  source::Policy policy_;
  runtime::Metrics metrics_;
  NoEvents events_;
  controller::Caches caches_;
  controller::CurrentTerm term_;
  controller::RunGate gate_;
  std::vector<std::unique_ptr<runtime::WatchSink>> sinks_;
  std::vector<std::unique_ptr<runtime::Watcher>> watchers_;
  std::size_t needed_ = 0;  // of the watchers: those that have to be synced before it may lead
  std::shared_ptr<controller::Term> own_term_;
  std::stop_source workers_stop_;
  int workers_ = 0;
};

}  // namespace modelrun::simulation
