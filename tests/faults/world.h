// A project and its runs, one operator process, and a node: from the first event to the last write, always in the same
// order, with faults at chosen requests, and the invariants looked at after every step. What happens in other orders,
// to several processes and at random is for the simulator (tests/simulation).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/model_sweep.h"
#include "faults/node.h"
#include "faults/process.h"

namespace modelrun::faults {

struct WorldOptions {
  int runs = 1;
  bool parameters = false;
  std::optional<int> max_concurrent{};
  std::string reuse{};           // spec.reuse of the runs; empty: left out
  bool written_by_hand = false;  // statuses are: a Job may have settings that no project ever had
  std::string name{};            // said with every failure
  std::string traceparent{};     // annotation of the runs; empty: left out
  traces::Tracer* tracer = nullptr;
  cloudevents::Sink* sink = nullptr;  // not null: runs that end owe it an event, for at most an hour
};

class World {
 public:
  // What becomes of the write `number` (from 1), or of a read (0).
  using Faults = std::function<fakes::Fault(const kube::Request& request, int number)>;

  explicit World(WorldOptions options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void set_faults(Faults faults) { faults_ = std::move(faults); }

  // Until nothing moves any more, or until `done` says so. The clock moves on when nothing else does.
  void run(const std::function<bool()>& done = {});
  // run(), then podSeconds, the lazy writes and a minute of peace: nothing may be left and nothing may be written.
  void run_to_the_end();
  void restart();

  // Creates one more run; `fields` are merged into its spec.
  void add_run(const std::string& name, const kube::Json& fields = kube::Json::object());
  // Creates a sweep of the project; `fields` are merged into its spec.
  void add_sweep(const std::string& name, const kube::Json& fields);
  [[nodiscard]] api::ModelSweep find_sweep(const std::string& name) const;
  void set_sweep_spec(const std::string& name, const kube::Json& fields);
  // Changes spec fields as a person would.
  void set_spec(const std::string& run, const kube::Json& fields);
  // Merges `fields` into the project's spec as a person would; its environment says which generation it is.
  void set_project(const kube::Json& fields);
  [[nodiscard]] api::ModelRun find(const std::string& run) const;
  [[nodiscard]] bool all_final() const;
  // The end state without times, uids and numbers: a line a run.
  [[nodiscard]] std::vector<std::string> outcome() const;

  [[nodiscard]] int writes() const { return writes_; }
  // "PUT modelruns/status" and how often.
  [[nodiscard]] const std::map<std::string, int>& written() const { return written_; }
  Machine& machine() { return machine_; }
  Node& node() { return node_; }
  Process& process() { return *process_; }
  [[nodiscard]] const std::string& namespace_() const { return name_space_; }
  void violated(const std::string& what);

 private:
  void make_objects();
  bool move();
  bool work();
  void wait_for_the_clock();
  void check();
  void check_run(const api::ModelRun& run);
  void check_event(const api::ModelRun& run);
  void check_sweep(const api::ModelSweep& sweep);
  void check_final(const std::string& name, const std::string& uid, bool final, const kube::Json& status);
  void change_spec(const kube::Resource& resource, const std::string& name, const kube::Json& fields);
  void check_settings(const kube::Json& job, const api::ModelRun& run);
  fakes::Fault on_request(const kube::Request& request);

  const WorldOptions options_;
  const std::string name_space_ = "n";
  Machine machine_;
  Node node_{machine_};
  std::unique_ptr<Process> process_;
  Faults faults_;
  int writes_ = 0;
  std::map<std::string, int> written_;
  // What has been seen, for the invariants. By uid of the run.
  std::map<std::string, std::set<std::string>> jobs_;  // "uid/attempt": uids of Jobs
  std::map<std::string, std::string> commits_;
  std::map<std::string, std::string> finals_;
  std::map<std::string, api::EndEvent> events_;
  int violations_ = 0;
  bool news_ = true;  // something has moved since the caches were filled
};

}  // namespace modelrun::faults
