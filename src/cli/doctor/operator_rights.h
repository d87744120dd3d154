// What the operator has to be allowed to do. charts/modelrun/templates/rbac.yaml grants it; a test holds the two equal.
#pragma once

#include <string>
#include <vector>

#include "cli/doctor/installation.h"

namespace modelrun::cli::doctor {

// Each right once: those for all namespaces, and those for the operator's own, `system`, where its run server's Service
// is called `run_server`. Without those for Secrets of projects, which the chart's rbac.secretNamespaces grants or not.
std::vector<Right> operator_rights(const std::string& system, const std::string& run_server);

}  // namespace modelrun::cli::doctor
