// Compares a CustomResourceDefinition of a cluster with the one that this program was built with. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace modelrun::cli::doctor {

struct SchemaDifference {
  std::vector<std::string> lacking;  // fields of ours that the cluster's does not have, "spec.limits.outputBytes"
  std::vector<std::string> unknown;  // fields of the cluster's that ours does not have
  bool other_rules = false;          // a field that both have has another type, bound, default or rule
};

// `cluster` and `ours` are whole CustomResourceDefinitions. Compares the schema of the version `version`: of a field
// that is not there, the fields below it are not named too. Descriptions do not count.
SchemaDifference compare_schemas(const nlohmann::json& cluster, const nlohmann::json& ours, const std::string& version);

// The entry of spec.versions with this name; null if there is none. The reference is valid as long as `crd`.
const nlohmann::json& version_of(const nlohmann::json& crd, const std::string& version);

}  // namespace modelrun::cli::doctor
