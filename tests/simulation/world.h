// One simulated world: operator processes, an API server, a cluster, git servers and people, from the first object to
// the moment when all is over and quiet. The seed and the options decide everything that happens in it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulation/coverage.h"
#include "simulation/faults.h"
#include "simulation/invariants.h"
#include "simulation/people.h"
#include "simulation/process.h"

namespace modelrun::simulation {

class World;

struct WorldOptions {
  std::uint64_t seed = 1;
  Shape shape{};
  std::set<std::uint32_t> suppressed{};             // occurrences of perturbations that are left out
  std::optional<std::vector<Perturbation>> only{};  // exactly these are possible
  bool trace = false;                               // keep what happens in Outcome::trace
  bool print_trace = false;                         // or print it at once
  // For enumerations: requests take no time, and every process leads.
  bool instant = false;
  bool elect = true;
  Choices* schedule = nullptr;   // null: at random, by the seed
  Choices* strikes = nullptr;    // null: at random, by the seed
  Coverage* coverage = nullptr;  // may be null
  // For scenarios: a fiber in the place of the random disturbances. The faults are over when it returns.
  std::function<void(World&)> script{};
};

struct Outcome {
  std::string violation;  // "I1: ..."; empty: everything held
  std::vector<Perturbations::Occurrence> struck;
  std::vector<std::string> trace;  // empty unless asked for
  std::uint64_t steps = 0;
  InvariantSet checked;
  std::vector<std::string> ends;  // of the runs, one line each
};

class World {
 public:
  explicit World(WorldOptions options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Plays the world to its end. Call once.
  Outcome play();

  // For scripts, which run on a fiber.
  Sim& sim() { return sim_; }
  ApiServer& server() { return server_; }
  Network& network() { return network_; }
  Cluster& cluster() { return cluster_; }
  People& people() { return people_; }
  Faults& faults() { return faults_; }
  SimGit::Servers& git() { return git_; }
  [[nodiscard]] std::vector<std::shared_ptr<Process>> processes() const;
  // Waits until `done`, for at most `most`; returns whether it was in time.
  bool until(const std::function<bool()>& done, std::chrono::seconds most = std::chrono::seconds(120));
  void expect(bool holds, const std::string& what);
  void pass(std::chrono::seconds span) {
    until([] { return false; }, span);
  }
  // The process that leads; null if none or more than one does.
  [[nodiscard]] std::shared_ptr<Process> leader() const;
  // The status of a run; null if it does not exist.
  [[nodiscard]] Json status(const std::string& run_key) const;
  [[nodiscard]] std::string phase(const std::string& run_key) const;

 private:
  // Goes on until the time is `until`, `done` is true, or an invariant is violated. Returns false in the last case.
  bool go_on(Nanos until, const std::function<bool()>& done = {});
  void supervise(std::size_t slot);
  void kill_a_pod();
  std::optional<kube::Response> admit(Kind kind);
  kube::Response read_log(const Json& pod);
  void calm_down();
  void be_quiet();
  void finish();
  void sample();

  WorldOptions options_;
  RandomChoices random_choices_;
  Sim sim_;
  controller::Settings settings_;
  ApiServer server_;
  Network network_;
  SimGit::Servers git_;
  std::vector<std::shared_ptr<Process>> processes_;  // by slot; null while a slot has none
  Cluster cluster_;
  People people_;
  Faults faults_;
  Invariants invariants_;
  Random slots_random_;
  std::uint64_t steps_ = 0;
  bool script_done_ = false;
  Nanos calm_since_{0};
};

}  // namespace modelrun::simulation
