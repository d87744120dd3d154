// What the API server checks about objects beyond their resourceVersion. Pure.
#pragma once

#include <optional>
#include <string>

#include "simulation/objects.h"

namespace modelrun::simulation {

// Why the change is refused with 422 by the rules of the custom resources (crds/*.yaml); nullopt if it is allowed.
// `before` is null for a creation.
std::optional<std::string> broken_rule(Kind kind, const Json* before, const Json& after);

inline constexpr std::size_t kMaxObjectBytes = 1'572'864;  // etcd's limit for one request, 1.5 MiB

}  // namespace modelrun::simulation
