// What `exec` does in a run with points (api/points.h): it executes the entry point for one point after the other, each
// in a process of its own with empty directories.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/standby.h"
#include "base/fd.h"
#include "sandbox/channel.h"
#include "sandbox/launcher.h"
#include "sandbox/scratch_directory.h"
#include "sandbox/standby.h"

namespace modelrun::sandbox {

struct PointsSetup {
  LaunchPlan plan;  // of the harness, or of each point's process
  UniqueFd out_read, out_write, err_read, err_write;
  std::chrono::seconds timeout{0};  // of the run, over all points
  // The process that forks for each point; absent: there is none, and a point is a start of the program.
  std::optional<WaitingHarness> harness;
  api::Work work;     // for the harness: environment
  std::string rings;  // as ResultFrame::rings
  std::vector<ScratchDirectory> scratch;
};

// From the agent's go to the end of the run: kStarted, the points that the agent asks for, kExit or kSetupFailed.
// Returns the exit code of the container: 0 when the agent had no more points, else as run_exec(). The process must
// have one thread.
int run_points(PointsSetup setup, Channel& agent, int signals, bool whole_namespace);

}  // namespace modelrun::sandbox
