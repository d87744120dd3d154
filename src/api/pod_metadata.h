// Which labels and annotations may be put on a run's Job and pod besides the operator's own. The CRD of ModelProject
// has the same rules; they are applied here too, because a status that records a project's settings may be written by
// somebody who is not an operator. Pure.
#pragma once

#include <string_view>

namespace modelrun::api {

// The label by which Kueue finds the queue of a Job; its value is the name of a LocalQueue of the Job's namespace. The
// operator only shows it.
inline constexpr std::string_view kLabelQueue = "kueue.x-k8s.io/queue-name";

// Whether `key` is a label that a project, or a label of a run, may give to the Job and the pod. Refused are the keys
// in the domains modelrun.dev, kubernetes.io, k8s.io and x-k8s.io and in domains below them, by which the operator and
// the cluster find and treat pods, and the old labels job-name and controller-uid of Jobs. Allowed all the same are
// app.kubernetes.io/name, instance, version, component and part-of, and kueue.x-k8s.io/queue-name and priority-class.
[[nodiscard]] bool is_open_label(std::string_view key);

// The same for an annotation. It must have a domain, because those without one are read by container runtimes, and
// besides the domains above it must not be one of a network or a runtime that could take the sandbox of a pod away:
// cncf.io, cilium.io, ovn.org, projectcalico.org. Allowed all the same is
// cluster-autoscaler.kubernetes.io/safe-to-evict.
[[nodiscard]] bool is_open_annotation(std::string_view key);

}  // namespace modelrun::api
