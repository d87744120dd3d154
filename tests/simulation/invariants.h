// What must hold in every world: after each commit, at each grant, and when the faults are over.
#pragma once

#include <bitset>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/points.h"
#include "simulation/api_server.h"
#include "simulation/cluster.h"
#include "simulation/git.h"
#include "sweep/table.h"

namespace modelrun::simulation {

struct InvariantInfo {
  std::string_view name;  // "I1"
  std::string_view what;
  std::string_view how;  // how it is checked here; empty: it is not
};
const std::vector<InvariantInfo>& invariant_infos();

// Invariants by number: bit 1 is I1. Those that a world had occasion to check.
inline constexpr std::size_t kInvariants = 19;
using InvariantSet = std::bitset<kInvariants + 1>;

class Invariants {
 public:
  Invariants(Sim& sim, const ApiServer& server, Cluster& cluster, const SimGit::Servers& git)
      : sim_(sim), server_(server), cluster_(cluster), git_(git) {}

  void on_commit(const Commit& commit);
  void on_grant(const PodTruth& pod);
  // The pod is about to execute these points of its run.
  void on_points(const PodTruth& pod, const std::vector<std::int64_t>& points);
  // The faults are over for `since`. Checks what has to hold from then on, whether or not the runs have ended.
  void check_calm(Nanos since);
  // Runs and sweeps are over and the pods' time is over too: nothing may be left.
  void check_end();
  // Whether no run and no sweep is left that the operator has to end. Those that wait for a person do not count.
  [[nodiscard]] bool all_done() const;
  // The runs and sweeps for which all_done() is false, with what they wait for.
  [[nodiscard]] std::string undone() const;

  // Notes a violation; only the first one counts.
  void violate(std::string_view invariant, const std::string& what);
  // Notes that there was an occasion to check these, whose outcome depended on the world.
  void check(std::initializer_list<std::size_t> numbers) {
    for (const auto number : numbers) checked_.set(number);
  }
  [[nodiscard]] const InvariantSet& checked() const { return checked_; }
  // "I1: ..."; empty if there was none.
  [[nodiscard]] const std::string& violation() const { return violation_; }
  // The writes of operators, without those of leases.
  [[nodiscard]] std::uint64_t operator_writes() const { return operator_writes_; }
  [[nodiscard]] Nanos last_commit() const { return last_commit_; }

 private:
  void check_run(const Commit& commit);
  void check_number(const Json& run);
  void check_job_creation(const Json& job);
  [[nodiscard]] std::string run_of(const Json& object) const;
  void check_deletion(const Commit& commit);
  void check_project(const Commit& commit);
  // point_invariants.cc: the rows of the run's points that the API server holds, by point.
  [[nodiscard]] std::multimap<std::int64_t, api::PointRow> rows_of(const std::string& run_uid) const;
  // Whether they are right, of a run that ends. True if its end is settled by them.
  bool check_points(const Json& run, const RunTruth& truth);
  // sweep_invariants.cc: writes of operators.
  void note_rows(const Json& config_map);
  void check_sweep(const Commit& commit);
  void check_sweep_run(const Json& run);
  void check_sweep_end(const Json& sweep);
  void check_sweep_reason(const Json& sweep);
  void check_table(const Json& sweep);
  void check_table_row(const Json& sweep, const Json& point, const sweep::Table& table, const sweep::Row& row);
  // A pod of `run` is about to execute these points of it.
  void check_sweep_points(const Json& run, const std::vector<std::int64_t>& points);
  void check_sweeps_left();
  // verdicts.cc: whether the end of a run is right.
  void check_verdict(const Json& run);
  void check_result(const Json& run, const RunTruth& truth, const PodTruth* pod);
  void check_excuse(const Json& run, const RunTruth& truth, const PodTruth* pod);
  [[nodiscard]] const PodTruth* recorded_pod(const Json& run, const RunTruth& truth) const;
  [[nodiscard]] Object project_of(const Json& run) const;
  [[nodiscard]] std::int64_t limit(const Json& project, const char* field, std::int64_t otherwise) const;

  Sim& sim_;
  const ApiServer& server_;
  Cluster& cluster_;
  const SimGit::Servers& git_;
  std::string violation_;
  InvariantSet checked_;
  std::uint64_t operator_writes_ = 0;
  Nanos last_commit_{0};
  struct Numbered {
    std::string run_uid, project_uid;
  };
  std::map<std::string, std::map<std::int64_t, Numbered>> numbers_;  // by project key and run number
  std::map<std::string, std::int64_t> slots_;    // by project key: the highest maxConcurrentRuns that ever held
  std::map<std::string, std::string> projects_;  // the namespaces of all that there ever were, by UID
  std::map<std::string, Nanos> born_;            // when each object was made, by UID
  // Every row that was ever stored, by the run's UID and its point. Of runs that sweeps have made.
  std::map<std::string, std::map<std::int64_t, api::PointRow>> sweep_rows_;
};

}  // namespace modelrun::simulation
