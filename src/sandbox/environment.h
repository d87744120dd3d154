// The environment of the model's process: what the pod gives, without what is ours or Kubernetes' or steers an
// interpreter.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun::sandbox {

// `inherited` holds NAME=value. `cpus` fills in the thread counts of numeric libraries where the project sets none:
// they would start one thread for each of the node's cores, whatever the container's limit. Pure.
std::vector<std::string> model_environment(const std::vector<std::string>& inherited, int cpus);

// The value of `name`. Pure.
std::optional<std::string_view> find_variable(const std::vector<std::string>& environment, std::string_view name);

// Whole processors that "QUOTA PERIOD" (cpu.max of cgroup v2, or the two files of v1) come to, rounded up, at least 1;
// nothing when there is no limit. Pure.
std::optional<int> parse_cpu_limit(std::string_view quota, std::string_view period);

// The container's CPU limit; the number of processors it may run on when it has none.
int cpu_limit();

// The environment of this process.
std::vector<std::string> inherited_environment();

}  // namespace modelrun::sandbox
