// The JSON type of the Kubernetes layer. Include <nlohmann/json.hpp> where values are used.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace modelrun::kube {

using Json = nlohmann::json;

}  // namespace modelrun::kube
