"""The operator's own place in the cluster: what it may do, beside what the API server's audit log says that it did."""

import collections
import json

from cluster import ApiError, hack
from harness import SUITE, Skip, case

SYSTEM = "modelrun-system"
ACCOUNT = "modelrun-operator"
RBAC = "/apis/rbac.authorization.k8s.io/v1"

Grant = collections.namedtuple("Grant", "namespace group resource name verb")  # namespace, name: "" for all

# Granted for what no run of this suite is sure to bring about.
RARELY_USED = {
    ("coordination.k8s.io", "leases", "create"): "at the first start after the installation",
    ("", "secrets", "create"): "at the first start: the run server's certificates",
    ("", "secrets", "update"): "when the run server's certificates are renewed, months later",
    ("", "pods", "get"): "a pod in a run's status that the watch does not show: newer than the cache, or gone while no operator was there",
    ("batch", "jobs", "get"): "a Job that a killed operator, or another leader, has created a moment ago",
    ("events.k8s.io", "events", "patch"): "the same event of the same object again within six minutes",
}


def bound_to_operator(space):
    """(namespace or "", role) of all that the operator's service account has been bound to."""
    bindings = space.get(f"{RBAC}/clusterrolebindings")["items"] + space.get(f"{RBAC}/rolebindings")["items"]
    for binding in bindings:
        subjects = [(s["kind"], s.get("namespace"), s["name"]) for s in binding.get("subjects", [])]
        if ("ServiceAccount", SYSTEM, ACCOUNT) not in subjects:
            continue
        namespace = binding["metadata"].get("namespace", "")
        ref = binding["roleRef"]
        folder = f"{RBAC}/namespaces/{namespace}/roles" if ref["kind"] == "Role" else f"{RBAC}/clusterroles"
        yield namespace, space.get(f"{folder}/{ref['name']}")


def grants(space):
    found = set()
    for namespace, role in bound_to_operator(space):
        for rule in role["rules"]:
            assert "nonResourceURLs" not in rule, rule
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for name in rule.get("resourceNames", [""]):
                        found |= {Grant(namespace, group, resource, name, verb) for verb in rule["verbs"]}
    return found


def requests_of_operator(since):
    """(Grant that the request would need, audit event): once answered, or, of a watch, once begun."""
    with open(hack("audit"), encoding="utf-8") as log:
        for line in log:
            if f"{SYSTEM}:{ACCOUNT}" not in line or '"RequestReceived"' in line:
                continue
            event = json.loads(line)
            if event["user"]["username"] != f"system:serviceaccount:{SYSTEM}:{ACCOUNT}" or event["stageTimestamp"] < since:
                continue
            ref = event.get("objectRef")
            if ref:
                resource = ref["resource"] + ("/" + ref["subresource"] if "subresource" in ref else "")
                yield Grant(ref.get("namespace", ""), ref.get("apiGroup", ""), resource, ref.get("name", ""), event["verb"]), event


def covers(grant, needed):
    return (
        (grant.group, grant.resource, grant.verb) == (needed.group, needed.resource, needed.verb)
        and grant.namespace in ("", needed.namespace)
        and grant.name in ("", needed.name)
    )


def used_of(granted, needed):
    """The grant that a request is put down to: of those that cover it the narrowest, so that a wide one beside it shows as unused."""
    covering = [grant for grant in granted if covers(grant, needed)]
    return max(covering, key=lambda grant: (bool(grant.name), bool(grant.namespace)), default=None)


def compare_rights(space, since):
    granted = grants(space)
    used, refused = set(), set()
    for needed, event in requests_of_operator(since):
        # A 403 may also come from a quota, or from a namespace that is going away; only RBAC's is annotated so.
        if event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid":
            refused.add(needed)
        else:
            used.add(used_of(granted, needed))
    unused = {grant for grant in granted - used if (grant.group, grant.resource, grant.verb) not in RARELY_USED}
    spared = sorted({grant for grant in granted - used} - unused)
    print(f"  {len(granted)} rights; not used, as may be: {', '.join(f'{g.verb} {g.resource}' for g in spared)}", flush=True)
    assert not refused, f"wanted and refused: {sorted(refused)[:10]}"
    assert not unused, f"granted and never used: {sorted(unused)}"
    gone = set(RARELY_USED) - {(grant.group, grant.resource, grant.verb) for grant in granted}
    assert not gone, f"in RARELY_USED, but not granted any more: {sorted(gone)}"


@case(alone=True)
def no_right_that_is_not_used(space):
    """Every verb of the operator's roles stands in the audit log of this suite, and none was missing."""
    if not SUITE["whole"]:
        raise Skip("it looks back at the whole suite: run it without a PATTERN")
    compare_rights(space, SUITE["begun"])


@case
def operator_is_restricted(space):
    """Kubernetes enforces the restricted level on the operator's own namespace, and its pods would be admitted there again."""
    labels = space.get(f"/api/v1/namespaces/{SYSTEM}")["metadata"]["labels"]
    assert labels.get("pod-security.kubernetes.io/enforce") == "restricted", labels
    pods = space.get(f"/api/v1/namespaces/{SYSTEM}/pods?labelSelector=app.kubernetes.io/instance%3Dmodelrun")["items"]
    assert {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods} == {"operator", "gateway"}, "both have pods"
    for pod in pods:
        again = {"metadata": {"generateName": "again-"}, "spec": {**pod["spec"], "nodeName": None}}
        space.post(f"/api/v1/namespaces/{SYSTEM}/pods?dryRun=All", again)
    careless = {"metadata": {"name": "careless"}, "spec": {"containers": [{"name": "c", "image": "localhost/x"}]}}
    try:
        space.post(f"/api/v1/namespaces/{SYSTEM}/pods?dryRun=All", careless)
    except ApiError as error:
        assert error.status == 403 and "restricted" in str(error), error
    else:
        raise AssertionError("a pod that is not restricted was admitted")
