// What keeps a Deployment of the product from working, and its Service from having endpoints.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/doctor/findings.h"
#include "cli/doctor/installation.h"

namespace modelrun::cli::doctor {

// Adds to `findings` what is wrong with `deployment` and its pods: scaled to nothing, pods that are refused, that no
// node takes, whose images cannot be pulled, that crash, that have been restarted often, that are not ready. Pure.
// `loses` says what does not work without it: "no run goes on".
void add_workload_problems(const Installation& installation, const kube::Json& deployment, const Component& component,
                           std::string_view loses, Findings& findings);

// The ready endpoints of a Service.
struct Endpoints {
  std::size_t ready = 0;
  std::vector<std::int64_t> ports;  // on the pods
};
// Reads the EndpointSlices. Fails as Installation::list() does.
Result<Endpoints> read_endpoints(Installation& installation, const std::string& service);

// The first port of a Service; 0 if it has none.
std::int64_t port_of(const kube::Json& service);

}  // namespace modelrun::cli::doctor
