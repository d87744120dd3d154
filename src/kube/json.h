// Declares the JSON type of the Kubernetes layer. Include <nlohmann/json.hpp> where values are used: this header only
// has the forward declaration.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace modelrun::kube {

using Json = nlohmann::json;

}  // namespace modelrun::kube
