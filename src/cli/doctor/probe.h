// The pod that `kubectl modelrun doctor --run` makes: it has the labels of a run's pod, so that the NetworkPolicy of
// run pods holds for it, but not the sandbox, which would keep the pod's programs from trying the network. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "cli/doctor/installation.h"

namespace modelrun::cli::doctor {

struct ProbePlan {
  std::string namespace_;
  std::string image;  // with python3: that of projects that name no image
  std::string image_pull_policy;
  std::string run_server;  // "address:port", which run pods may reach
};

// The pod, with a generateName. It ends by itself within a minute, and meets the Pod Security level `restricted`.
kube::Json probe_pod(const ProbePlan& plan);

// Reads what the pod has printed. kInvalid when it is something else.
Result<ProbeResult> read_probe(const std::string& log);

}  // namespace modelrun::cli::doctor
