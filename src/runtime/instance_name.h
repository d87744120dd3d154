// What this process is called where several of its kind run.
#pragma once

#include <string>

namespace modelrun::runtime {

// The name of the pod (the environment variable POD_NAME), else that of the host, else `fallback`. The kubelet cuts the
// host name of a pod with a long name, and with hostNetwork it is that of the node.
std::string instance_name(const std::string& fallback);

}  // namespace modelrun::runtime
