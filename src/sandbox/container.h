// A container like that of a run's pod, made on this machine by an ordinary user: user, mount, pid, IPC and UTS
// namespaces (user_namespaces(7)), and a root directory of its own with the paths of api/sandbox.h. Of the machine it
// has the system's programs and libraries, read-only, and what the plan names. `kubectl modelrun try` runs `exec` in
// it.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace modelrun::sandbox {

struct ContainerPlan {
  // A directory of the caller's with the directories `modelrun`, `inputs`, `outputs`, `upstream`, `tmp` and `root`; the
  // last one is empty. The container has the others at their paths of api/sandbox.h, writable as in a pod.
  std::string work;
  std::string repo;                  // becomes /repo, read-only; its directory .git is hidden
  std::string data;                  // becomes /data, read-only; empty: there is none
  std::vector<std::string> visible;  // directories that are there at their own absolute paths too, read-only
};

// The plan as arguments of a program, and back. plan_from_arguments() takes what to_arguments() has made from the front
// of `arguments`, and fails with kInvalid when it is not there.
std::vector<std::string> to_arguments(const ContainerPlan& plan);
Result<ContainerPlan> plan_from_arguments(std::vector<std::string>& arguments);

// Runs the program `argv` as PID 1 of such a container, and returns its exit code, or 128+n when signal n ended it. The
// program has no more rights than the caller, and a user of its own that is not root: the caller's, or 1000 for root.
// It ends when this process ends. Blocks until it has ended.
//
// `report` is a descriptor to which one sentence is written when the container cannot be made; it is closed when the
// program has started. The process must have one thread, and should do nothing else afterwards: it is in the new
// namespaces itself.
int run_contained(const ContainerPlan& plan, const std::vector<std::string>& argv, int report);

}  // namespace modelrun::sandbox
