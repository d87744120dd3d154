// The environment of the model's process. It is the container's environment without the variables that belong to the
// sandbox or to Kubernetes and without those that steer the dynamic loader or the Python interpreter.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun::sandbox {

// Returns the model's environment, made from `inherited`, whose entries have the form NAME=value. Pure.
//   Removed    PYTHON*, LD_*, KUBERNETES_*, MODELRUN_TIMEOUT_SECONDS, MODELRUN_LANDLOCK, MODELRUN_PREPARE,
//              MODELRUN_POINTS, service links (*_SERVICE_HOST, *_SERVICE_PORT*, *_PORT_*_TCP*, *_PORT_*_UDP*), and
//              entries without '='.
//   Set        HOME to /tmp.
//   Defaulted  PATH, LANG, TMPDIR (/tmp), and OMP_NUM_THREADS, OPENBLAS_NUM_THREADS, MKL_NUM_THREADS and
//              NUMEXPR_NUM_THREADS to `cpus`. Without them the numeric libraries start one thread for each core of the
//              node, whatever the container's limit is.
std::vector<std::string> model_environment(const std::vector<std::string>& inherited, int cpus);

// Returns the value of the first entry NAME=value whose name is `name`, or nullopt when there is none. The returned
// view points into `environment`. Pure.
std::optional<std::string_view> find_variable(const std::vector<std::string>& environment, std::string_view name);

// Returns the CPU limit in whole processors, rounded up, from 1 to 1024. `quota` and `period` are the two fields of
// cpu.max (cgroup v2), or the texts of cpu.cfs_quota_us and cpu.cfs_period_us (v1). Returns nullopt when they mean no
// limit ("max", -1) or are not numbers. Pure.
std::optional<int> parse_cpu_limit(std::string_view quota, std::string_view period);

// Returns the CPU limit of this container, read from its cgroup. Without a limit, returns the number of processors that
// this process may run on (sched_getaffinity(2)). At least 1.
int cpu_limit();

// Returns a copy of this process's environment, as NAME=value.
std::vector<std::string> inherited_environment();

}  // namespace modelrun::sandbox
