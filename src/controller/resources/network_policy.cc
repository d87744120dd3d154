#include "controller/resources/network_policy.h"

#include "api/model_run.h"

namespace modelrun::controller {

nlohmann::json build_network_policy(const std::string& namespace_, int run_server_port) {
  using nlohmann::json;
  // Built exactly as the API server returns it, because ensure_network_policy() compares the two. The API server
  // drops an empty list of ingress rules, so such a list would look like an edit by somebody else.
  const json run_pods = {{"matchExpressions", {{{"key", api::kLabelRunUid}, {"operator", "Exists"}}}}};
  return {{"apiVersion", "networking.k8s.io/v1"},
          {"kind", "NetworkPolicy"},
          {"metadata",
           {{"name", kNetworkPolicyName},
            {"namespace", namespace_},
            {"labels", {{"app.kubernetes.io/managed-by", "modelrun"}}}}},
          {"spec",
           {{"podSelector", run_pods},
            {"policyTypes", {"Ingress", "Egress"}},
            {"egress", {{{"ports", {{{"protocol", "TCP"}, {"port", run_server_port}}}}}}}}}};
}

}  // namespace modelrun::controller
