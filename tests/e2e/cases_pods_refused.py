"""The API server takes the Job and refuses its pod: the run says so in the API server's words, and goes on once nothing is in the way."""

from cases_lifecycle import expect
from cases_refused import forged_pod, refused_until_lifted
from cluster import ApiError, wait_for
from disturb import made, webhook_that_is_down
from harness import case

CORE = "/api/v1/namespaces/{}/"
ADMISSION = "/apis/admissionregistration.k8s.io/v1/"


@case
def priority_class_that_is_not_there(space):
    """Named within seconds; the run succeeds when somebody makes the class."""
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"

    def lift():
        space.post(path, {"metadata": {"name": space.name}, "value": 1000})

    try:
        refused_until_lifted(space, f"no PriorityClass with name {space.name}", lift, runtime={"priorityClassName": space.name})
    finally:
        space.delete(f"{path}/{space.name}")


@case
def limit_range_that_wants_more(space):
    """The agent's container has less memory than the namespace's least."""
    limits = [{"type": "Container", "min": {"memory": "300Mi"}}]
    with made(space, CORE.format(space.name) + "limitranges", {"metadata": {"name": "least"}, "spec": {"limits": limits}}) as lift:
        refused_until_lifted(space, "minimum memory usage per Container is 300Mi", lift)


@case
def limit_range_with_a_ratio(space):
    """The agent may use more processor time than is set aside for it."""
    limits = [{"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}]
    with made(space, CORE.format(space.name) + "limitranges", {"metadata": {"name": "ratio"}, "spec": {"limits": limits}}) as lift:
        refused_until_lifted(space, "cpu max limit to request ratio per Container is 2", lift)


@case
def quota_of_no_pods(space):
    path = CORE.format(space.name) + "resourcequotas"
    hard = {"pods": "0"}
    with made(space, path, {"metadata": {"name": "none"}, "spec": {"hard": hard}}) as lift:
        wait_for(lambda: space.get(path + "/none").get("status", {}).get("hard") == hard, 20, "the quota is in force")
        refused_until_lifted(space, "exceeded quota: none", lift)


@case
def policy_that_denies_pods(space):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": space.name}}
    policy = {
        "metadata": {"name": space.name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selector},
            "validations": [{"expression": "false", "message": "no pods on a Sunday"}],
        },
    }
    binding = {"metadata": {"name": space.name}, "spec": {"policyName": space.name, "validationActions": ["Deny"]}}
    with made(space, ADMISSION + "validatingadmissionpolicies", policy), made(space, ADMISSION + "validatingadmissionpolicybindings", binding) as lift:
        wait_for(lambda: denied(space, "no pods on a Sunday"), 30, "the policy is in force")
        refused_until_lifted(space, "no pods on a Sunday", lift)


@case
def webhook_of_pods_that_is_down(space):
    with webhook_that_is_down(space, "", "pods") as lift:
        wait_for(lambda: denied(space, "failed calling webhook"), 30, "the webhook is in force")
        refused_until_lifted(space, "failed calling webhook", lift)


def denied(space, words):
    """Whether a pod that meets the namespace's security level is refused with these words."""
    try:
        space.post(CORE.format(space.name) + "pods?dryRun=All", {"metadata": {"name": "try"}, "spec": forged_pod("x", {})["spec"]})
    except ApiError as error:
        return words in str(error)
    return False


@case
def quota_that_counts_every_limit(space):
    """A run states all that a ResourceQuota can count, so it fits into one."""
    path = CORE.format(space.name) + "resourcequotas"
    hard = {f"{kind}.{resource}": "100Gi" for kind in ("requests", "limits") for resource in ("cpu", "memory", "ephemeral-storage")}
    with made(space, path, {"metadata": {"name": "all"}, "spec": {"hard": hard}}):
        wait_for(lambda: space.get(path + "/all").get("status", {}).get("hard"), 20, "the quota is in force")
        space.project()
        space.run("r")
        expect(space.finish("r", 90), "Succeeded", "Succeeded")
