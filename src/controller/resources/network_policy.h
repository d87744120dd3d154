// Builds the NetworkPolicy that every namespace with runs gets. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace modelrun::controller {

inline constexpr const char* kNetworkPolicyName = "modelrun-sandbox";

// The policy selects the pods of runs. It allows no incoming connections, and outgoing connections only to TCP port
// `run_server_port`, at any address. It cannot name the run server's address: a policy has no way to select a
// ClusterIP, and network plugins differ in whether they match addresses before or after the translation of Service
// addresses.
nlohmann::json build_network_policy(const std::string& namespace_, int run_server_port);

}  // namespace modelrun::controller
