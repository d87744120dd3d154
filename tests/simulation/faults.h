// Strikes a world with what does not belong to a single request: processes, clocks, watches, git, pods, people.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "simulation/cluster.h"
#include "simulation/git.h"
#include "simulation/people.h"
#include "simulation/process.h"

namespace modelrun::simulation {

class Faults {
 public:
  struct Parts {
    Sim& sim;
    ApiServer& server;
    Network& network;
    Cluster& cluster;
    People& people;
    SimGit::Servers& git;
    std::function<std::vector<std::shared_ptr<Process>>()> processes;
  };
  explicit Faults(Parts parts) : parts_(std::move(parts)), sim_(parts_.sim), random_(sim_.seed, "faults") {}

  // Starts the fiber that strikes at random times.
  void start();
  // One strike. Each part of it that lasts is undone by a fiber, at the end of the faults at the latest.
  void strike(Perturbation perturbation);
  // Makes an end of all faults at once.
  void end();

 private:
  std::shared_ptr<Process> some_process();
  // Calls `begin`, and `undo` after a random time of at most `most`, or when the faults are over.
  void for_a_while(Perturbation perturbation, std::chrono::seconds most, const std::function<void()>& begin,
                   std::function<void()> undo);
  void strike_process(Perturbation perturbation);
  void strike_network(Perturbation perturbation);
  void strike_git(Perturbation perturbation);
  void tell(Perturbation perturbation, const std::string& whom);

  const Parts parts_;
  Sim& sim_;
  Random random_;
};

}  // namespace modelrun::simulation
