// The one NetworkPolicy of a namespace with runs. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace modelrun::controller {

inline constexpr const char* kNetworkPolicyName = "modelrun-sandbox";

// Run pods take no connection and may make one: to TCP port `run_server_port`, whatever the address, since a policy
// cannot name a ClusterIP and clusters differ in whether they match before or after translation.
nlohmann::json build_network_policy(const std::string& namespace_, int run_server_port);

}  // namespace modelrun::controller
