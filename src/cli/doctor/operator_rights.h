// What the operator has to be allowed to do. charts/modelrun/templates/rbac.yaml grants it; a test holds the two equal.
#pragma once

#include <string>
#include <vector>

#include "cli/doctor/installation.h"

namespace modelrun::cli::doctor {

// Each right once: those for the namespaces that the operator takes care of (none: for all), that over the cluster, and
// those for its own namespace, `system`, where its run server's Service is called `run_server`. Without those for
// Secrets of projects, which the chart's rbac.secretNamespaces grants or not.
std::vector<Right> operator_rights(const std::string& system, const std::string& run_server,
                                   const std::vector<std::string>& namespaces = {});

}  // namespace modelrun::cli::doctor
