// Names the Kubernetes resource types that this project reads or writes.
#pragma once

#include <string_view>

namespace modelrun::kube {

// Names a resource type. The views must point to strings that live as long as the program, such as literals.
struct Resource {
  std::string_view group;  // empty for the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;

  friend bool operator==(const Resource&, const Resource&) = default;
};

inline constexpr std::string_view kModelRunGroup = "modelrun.dev";

inline constexpr Resource kModelRuns{kModelRunGroup, "v1alpha1", "modelruns", "ModelRun", true};
inline constexpr Resource kModelProjects{kModelRunGroup, "v1alpha1", "modelprojects", "ModelProject", true};
inline constexpr Resource kModelSweeps{kModelRunGroup, "v1alpha1", "modelsweeps", "ModelSweep", true};
inline constexpr Resource kJobs{"batch", "v1", "jobs", "Job", true};
inline constexpr Resource kPods{"", "v1", "pods", "Pod", true};
inline constexpr Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap", true};
inline constexpr Resource kSecrets{"", "v1", "secrets", "Secret", true};
inline constexpr Resource kServices{"", "v1", "services", "Service", true};
inline constexpr Resource kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount", true};
inline constexpr Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline constexpr Resource kEvents{"events.k8s.io", "v1", "events", "Event", true};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};
inline constexpr Resource kTokenReviews{"authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false};
inline constexpr Resource kSubjectAccessReviews{"authorization.k8s.io", "v1", "subjectaccessreviews",
                                                "SubjectAccessReview", false};
// The same question about one namespace, for which a Role in that namespace suffices.
inline constexpr Resource kLocalSubjectAccessReviews{"authorization.k8s.io", "v1", "localsubjectaccessreviews",
                                                     "LocalSubjectAccessReview", true};
inline constexpr Resource kSelfSubjectAccessReviews{"authorization.k8s.io", "v1", "selfsubjectaccessreviews",
                                                    "SelfSubjectAccessReview", false};
inline constexpr Resource kDeployments{"apps", "v1", "deployments", "Deployment", true};
inline constexpr Resource kEndpointSlices{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true};
inline constexpr Resource kNodes{"", "v1", "nodes", "Node", false};
inline constexpr Resource kResourceQuotas{"", "v1", "resourcequotas", "ResourceQuota", true};
inline constexpr Resource kCustomResourceDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                                     "CustomResourceDefinition", false};
inline constexpr Resource kNetworkPolicies{"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true};

}  // namespace modelrun::kube
