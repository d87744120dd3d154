// The people of a simulated world: who create, change and delete runs, sweeps and projects, and write nonsense.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "simulation/api_server.h"
#include "simulation/cluster.h"
#include "simulation/git.h"

namespace modelrun::simulation {

// A JSON object with that metadata and spec.
Json named(const std::string& key, Json spec);

// How large a world is.
struct Shape {
  int runs = 1;
  int projects = 1;  // the second one is in a namespace of its own, and uses another git server
  int processes = 1;
  bool plain = false;   // nothing is random about the objects: no limits, no parameters, models that succeed at once
  int slots = 0;        // maxConcurrentRuns of plain worlds; 0: no limit
  int standbys = 0;     // spec.warm of plain worlds; the runs are created when all are ready
  bool sweeps = false;  // there are sweeps; in plain worlds a script creates them
};
Shape random_shape(std::uint64_t seed);

class People {
 public:
  People(Sim& sim, ApiServer& server, Cluster& cluster, SimGit::Servers& git)
      : sim_(sim), server_(server), cluster_(cluster), git_(git), sweeps_(sim.seed, "sweeps") {}

  // Creates the projects, and starts a fiber that creates the runs, the first at once, and one for the sweeps.
  void begin(const Shape& shape);
  // Does one thing. Things that are undone later are undone by a fiber, at the end of the faults at the latest.
  void act(Perturbation perturbation);
  // Whether all runs and sweeps have been created.
  [[nodiscard]] bool done_creating() const { return created_ >= shape_.runs && sweeps_to_create_ == 0; }

  void create_run(const std::string& key, Json spec);
  void create_sweep(const std::string& key, Json spec);
  void create_project(const std::string& key, Json spec);
  bool patch_spec(Kind kind, const std::string& key, const Json& patch);
  void delete_run(const std::string& key);
  void delete_sweep(const std::string& key);
  void delete_project(const std::string& key);

 private:
  void await_pools();
  [[nodiscard]] Json project_spec(const std::string& host);
  [[nodiscard]] Json run_spec(const std::string& key, const std::string& project);
  // sweep_people.cc
  void begin_sweeps();
  [[nodiscard]] Json sweep_spec(const std::string& project);
  bool act_on_sweep(Perturbation perturbation);
  Object pick(Kind kind, const std::function<bool(const Json&)>& fits);
  void later(const char* what, std::chrono::seconds low, std::chrono::seconds high, std::function<void()> undo);
  void suspend(Kind kind);
  void hold(Kind kind);
  void recreate(Kind kind);
  void edit_project();
  void remove_project();
  void edit_child();
  void write_nonsense(Kind kind);
  void note_project(const std::string& project_key, bool deleted);

  Sim& sim_;
  ApiServer& server_;
  Cluster& cluster_;
  SimGit::Servers& git_;
  Shape shape_;
  int created_ = 0;
  int sweeps_to_create_ = 0;
  std::vector<std::string> projects_;  // their keys
  Random sweeps_;                      // what is done about sweeps, so that other worlds do not depend on it
};

}  // namespace modelrun::simulation
