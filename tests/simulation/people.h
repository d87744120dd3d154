// The people of a simulated world: who create, change and delete runs and projects, and write nonsense.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "simulation/api_server.h"
#include "simulation/cluster.h"
#include "simulation/git.h"

namespace modelrun::simulation {

// How large a world is.
struct Shape {
  int runs = 1;
  int projects = 1;  // the second one is in a namespace of its own, and uses another git server
  int processes = 1;
  bool plain = false;  // nothing is random about the objects: no limits, no parameters, models that succeed at once
  int slots = 0;       // maxConcurrentRuns of plain worlds; 0: no limit
  int standbys = 0;    // spec.warm of plain worlds; the runs are created when all are ready
};
Shape random_shape(std::uint64_t seed);

class People {
 public:
  People(Sim& sim, ApiServer& server, Cluster& cluster, SimGit::Servers& git)
      : sim_(sim), server_(server), cluster_(cluster), git_(git) {}

  // Creates the projects, and starts a fiber that creates the runs, the first at once.
  void begin(const Shape& shape);
  // Does one thing. Things that are undone later are undone by a fiber, at the end of the faults at the latest.
  void act(Perturbation perturbation);
  // Whether all runs have been created.
  [[nodiscard]] bool done_creating() const { return created_ >= shape_.runs; }

  void create_run(const std::string& key, Json spec);
  void create_project(const std::string& key, Json spec);
  bool patch_spec(Kind kind, const std::string& key, const Json& patch);
  void delete_run(const std::string& key);
  void delete_project(const std::string& key);

 private:
  void await_pools();
  [[nodiscard]] Json project_spec(const std::string& host);
  [[nodiscard]] Json run_spec(const std::string& key, const std::string& project);
  Object pick(Kind kind, const std::function<bool(const Json&)>& fits);
  void later(const char* what, std::chrono::seconds low, std::chrono::seconds high, std::function<void()> undo);
  void suspend_run();
  void hold_run();
  void recreate_run();
  void edit_project();
  void remove_project();
  void edit_child();
  void write_nonsense();
  void note_project(const std::string& project_key, bool deleted);

  Sim& sim_;
  ApiServer& server_;
  Cluster& cluster_;
  SimGit::Servers& git_;
  Shape shape_;
  int created_ = 0;
  std::vector<std::string> projects_;  // their keys
};

}  // namespace modelrun::simulation
