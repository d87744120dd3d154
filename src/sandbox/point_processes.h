// The processes of a point (api/points.h), as PID 1 of the container sees them: all but itself and the harness, whose
// fork the point is and which lives on.
#pragma once

#include <sys/types.h>

namespace modelrun::sandbox {

// Not thread-safe.
class PointProcesses {
 public:
  // `whole_namespace`: this process is PID 1, and the point's processes are all others of the pid namespace. False in
  // tests: they are the process group of the point's entry point.
  explicit PointProcesses(bool whole_namespace) : whole_namespace_(whole_namespace) {}

  // Which process lives on; -1: none.
  void spare(pid_t harness) { harness_ = harness; }
  // Which process leads the group of the point. REQUIRES: it has not been reaped.
  void set_entry(pid_t entry) { entry_ = entry; }

  // Asks them to end (SIGTERM). The harness gets the signal too, and has it blocked.
  void terminate() const;
  // Kills those that there are, and stops the harness. Returns how many have not ended yet, those that are not this
  // process's to reap left out. When it returns 0, none is left: a process cannot fork in the meantime because all are
  // stopped first.
  [[nodiscard]] int kill() const;
  // Lets the harness go on after kill().
  void resume_harness() const;
  // Kills everything, the harness included.
  void kill_all() const;

 private:
  bool whole_namespace_;
  pid_t harness_ = -1;
  pid_t entry_ = -1;
};

}  // namespace modelrun::sandbox
