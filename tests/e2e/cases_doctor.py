"""kubectl modelrun doctor: installations broken on purpose, each of which it must find and name. Every case puts back what it broke."""

import contextlib
import json
import os
import subprocess
import tempfile

from cases_cli import PROGRAMS, environment_of, modelrun
from cluster import RUNS, hack, reason_of, wait_for
from harness import case, same

SYSTEM = "modelrun-system"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/modelrun-operator"
SERVICES = f"/api/v1/namespaces/{SYSTEM}/services"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
# The cluster's own peculiarity, not a fault: a kernel without Landlock, for which hack/cluster sets operator.landlock=optional.
WITHOUT_LANDLOCK = {"sandbox", "probe"}


class Report:
    """What doctor has printed as JSON."""

    def __init__(self, text):
        self.checks = {check["name"]: check for check in json.loads(text)["checks"]}

    def with_verdict(self, verdict):
        return {name for name, check in self.checks.items() if check["verdict"] == verdict}

    def says(self, name, verdict, *words):
        check = self.checks[name]
        text = " ".join([check["summary"], *(f"{each['message']} {each['advice']}" for each in check["problems"])])
        return check["verdict"] == verdict and all(each in text for each in words)

    def expect(self, name, verdict, *words):
        assert self.says(name, verdict, *words), (verdict, words, self.checks[name])


def doctor(space, *flags, code=None):
    """Without `code` any exit code will do, but it must fit the report."""
    command = [os.path.join(PROGRAMS, "kubectl-modelrun"), "doctor", "-o", "json", *flags, "-n", space.name]
    done = subprocess.run(command, env=environment_of(space), capture_output=True, text=True, check=False, timeout=180)
    report = Report(done.stdout)
    same(done.returncode, 1 if report.with_verdict("fail") else 0)
    assert code in (None, done.returncode), (done.returncode, [each for each in report.checks.values() if each["problems"]])
    return report


def find(space, name, *words):
    """Waits until doctor says so: what was changed may take a moment until it can be seen."""
    wait_for(lambda: doctor(space).says(name, "fail", *words), 20, f"doctor says of {name}: {words}")


def patch(space, path, operations):
    return space.cluster.request("PATCH", path, operations, "application/json-patch+json")


def value_at(document, pointer):
    for step in pointer.strip("/").split("/"):
        document = document[int(step) if isinstance(document, list) else step]
    return document


@contextlib.contextmanager
def changed(space, path, pointer, value):
    """The field at the JSON pointer has another value, or with None is not there."""
    before = value_at(space.get(path), pointer)
    change = {"op": "remove"} if value is None else {"op": "replace", "value": value}
    patch(space, path, [{**change, "path": pointer}])
    try:
        yield
    finally:
        patch(space, path, [{"op": "add", "path": pointer, "value": before}])


def rolled_out(space, name):
    """As `kubectl rollout status` has it, and none of the earlier pods is left."""
    deployment = space.get(f"{DEPLOYMENTS}/{name}")
    wanted, status = deployment["spec"]["replicas"], deployment["status"]
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "readyReplicas")]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == [wanted] * 3


def led(space):
    """One of the operator's pods holds the Lease."""
    holder = space.get(LEASE)["spec"].get("holderIdentity", "")
    pod = holder and space.exists(f"/api/v1/namespaces/{SYSTEM}/pods/{holder.split('_')[0]}")
    return pod and "deletionTimestamp" not in pod["metadata"]


@contextlib.contextmanager
def restored(space, *names):
    """Afterwards these Deployments are rolled out, and the operator is led."""
    try:
        yield
    finally:
        for name in names:
            wait_for(lambda name=name: rolled_out(space, name), 60, f"{name} is rolled out again")
        wait_for(lambda: led(space), 60, "the operator is led again")


def container_index(deployment, name):
    return [each["name"] for each in deployment["spec"]["template"]["spec"]["containers"]].index(name)


def rule_index(role, resource, verb):
    (found,) = [i for i, rule in enumerate(role["rules"]) if resource in rule["resources"] and verb in rule["verbs"]]
    return found


def without_verb(space, path, resource, verb):
    index = rule_index(space.get(path), resource, verb)
    pointer = f"/rules/{index}/verbs"
    return changed(space, path, pointer, [each for each in value_at(space.get(path), pointer) if each != verb])


def wait_until_alone(space):
    """What the cases before have broken in their namespaces is no fault of the installation."""

    def others():
        spaces = space.get("/api/v1/namespaces?labelSelector=modelrun.dev%2Fe2e")["items"]
        return {
            each["metadata"]["name"]: [told["message"] for told in each["status"].get("conditions", []) if told["status"] == "True"]
            for each in spaces
            if "deletionTimestamp" in each["metadata"]  # one that a suite has left behind stays for ever
        }

    try:
        wait_for(lambda: not others(), 120, "the namespaces of earlier cases are gone")
    except AssertionError as error:
        raise AssertionError(f"{error}: {others()}") from None


@case(alone=True)
def doctor_finds_nothing_in_a_healthy_installation(space):
    wait_until_alone(space)
    # Those that kill operators leave pods that have been restarted many times, which doctor rightly warns of.
    with restored(space, "modelrun-operator"):
        space.cluster.kubectl("-n", SYSTEM, "rollout", "restart", "deployment/modelrun-operator")
    space.project()
    space.run("r")
    rings = space.finish("r")["provenance"]["rings"]
    report = doctor(space, "--run", code=0)
    same(report.with_verdict("fail"), set())
    same(report.with_verdict("warn"), set() if "landlock" in rings else WITHOUT_LANDLOCK)
    same(report.with_verdict("skip"), set())
    report.expect("network-policy", "ok", "enforced")
    report.expect("leader", "ok", "leads")
    report.expect("version", "ok", "as its pods say")
    same([pod for pod in space.items("/api/v1/namespaces/{}/pods") if pod["metadata"]["name"].startswith("modelrun-doctor-")], [])
    out, _ = modelrun(space, "doctor")
    assert "0 failed" in out and "warn  network-policy: " in out and "doctor -n" in out, out


@case(alone=True)
def doctor_finds_a_crd_that_is_missing(space):
    path = f"{CRDS}/modelsweeps.modelrun.dev"
    crd = space.get(path)
    space.delete(path)
    try:
        wait_for(lambda: not space.exists(path), 30, "the CRD is gone")
        report = doctor(space, code=1)
        report.expect("crds", "fail", "CustomResourceDefinition modelsweeps.modelrun.dev is missing", "apply --server-side")
        assert report.checks["projects"]["verdict"] == "skip", report.checks["projects"]
    finally:
        wait_for(lambda: not space.exists(path), 30, "the CRD is gone")
        kept = {field: crd["metadata"][field] for field in ("name", "labels", "annotations") if field in crd["metadata"]}
        space.post(CRDS, {**crd, "metadata": kept, "status": {}})
        wait_for(lambda: doctor(space).says("crds", "ok"), 30, "the CRD is established again")


@case(alone=True)
def doctor_finds_a_crd_that_is_older(space):
    field = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/warning"
    with changed(space, f"{CRDS}/modelruns.modelrun.dev", field, None):
        report = doctor(space)
        report.expect("crds", "fail", "modelruns.modelrun.dev is older than this program", "lacks status.warning")


@case(alone=True)
def doctor_finds_an_operator_without_replicas(space):
    with restored(space, "modelrun-operator"):
        with changed(space, f"{DEPLOYMENTS}/modelrun-operator", "/spec/replicas", 0):
            wait_for(lambda: not space.get(f"{DEPLOYMENTS}/modelrun-operator")["status"].get("readyReplicas"), 30, "none is ready")
            report = doctor(space)
            report.expect("operator", "fail", "scaled to 0 replicas, so that no run goes on", "scale deployment/modelrun-operator --replicas 2")
            report.expect("leader", "skip", "no replica of the operator is ready")
            report.expect("run-server", "fail", "has no ready endpoint")


@case(alone=True)
def doctor_finds_an_image_that_cannot_be_pulled(space):
    path = f"{DEPLOYMENTS}/modelrun-operator"
    index = container_index(space.get(path), "operator")
    with restored(space, "modelrun-operator"):
        with changed(space, path, f"/spec/template/spec/containers/{index}/image", "localhost/modelrun-operator:absent"):
            find(space, "operator", "localhost/modelrun-operator:absent", "cannot be pulled", "ImagePull")


@case(alone=True)
def doctor_finds_a_right_that_the_operator_lacks(space):
    with without_verb(space, f"{RBAC}/clusterroles/modelrun-operator", "jobs", "patch"):
        find(space, "operator-rights", "modelrun-system/modelrun-operator may not patch jobs.batch")


@case(alone=True)
def doctor_finds_a_lease_that_nobody_renews(space):
    with restored(space, "modelrun-operator"):
        with without_verb(space, f"{RBAC}/namespaces/{SYSTEM}/roles/modelrun-operator", "leases", "update"):
            find(space, "leader", "Lease modelrun-system/modelrun-operator", "was not renewed", "no replica leads")
            doctor(space).expect("operator-rights", "fail", "update leases.coordination.k8s.io modelrun-operator in namespace modelrun-system")
        before = space.get(LEASE)["spec"]["renewTime"]
        wait_for(lambda: space.get(LEASE)["spec"]["renewTime"] != before, 60, "the Lease is renewed")


@case(alone=True)
def doctor_finds_a_run_server_without_endpoints(space):
    service = f"{SERVICES}/modelrun-run-server"
    with changed(space, service, "/spec/selector", {"app.kubernetes.io/component": "nobody"}):
        find(space, "run-server", "Service modelrun-system/modelrun-run-server has no ready endpoint", "app.kubernetes.io/component=nobody")


@case(alone=True)
def doctor_finds_a_gateway_that_is_down(space):
    with restored(space, "modelrun-gateway"):
        with changed(space, f"{DEPLOYMENTS}/modelrun-gateway", "/spec/replicas", 0):
            doctor(space).expect("gateway", "fail", "Deployment modelrun-system/modelrun-gateway is scaled to 0 replicas")
    port = space.get(f"{SERVICES}/modelrun-gateway")["spec"]["ports"][0]["targetPort"]
    same(port, "gateway")
    # A Service that leads elsewhere: the gateway is ready, and yet nobody reaches it.
    with changed(space, f"{SERVICES}/modelrun-gateway", "/spec/ports/0/targetPort", 9):
        find(space, "gateway", "does not answer at /readyz of Service modelrun-system/modelrun-gateway")


@contextlib.contextmanager
def no_policies():
    """The stand-in for a policy engine lets pods reach the node, and with it the API server."""
    hack("enter", "nft", "insert", "rule", "inet", "modelrun", "input", "accept", "comment", '"doctor"')
    try:
        yield
    finally:
        listed = hack("enter", "nft", "-a", "list", "chain", "inet", "modelrun", "input")
        (handle,) = [line.split("# handle ")[1] for line in listed.splitlines() if '"doctor"' in line]
        hack("enter", "nft", "delete", "rule", "inet", "modelrun", "input", "handle", handle)


@case(alone=True)
def doctor_finds_policies_that_nothing_enforces(space):
    space.project()
    space.run("r")
    space.finish("r")
    with no_policies():
        report = doctor(space, "--run")
        report.expect("network-policy", "fail", "NetworkPolicies are not enforced on node", f"{space.name}/modelrun-sandbox forbids")
        assert report.checks["probe"]["verdict"] != "fail", report.checks["probe"]
    doctor(space, "--run").expect("network-policy", "ok", "enforced")


@case(alone=True)
def doctor_finds_a_quota_that_refuses_pods(space):
    space.project()
    space.post(f"/api/v1/namespaces/{space.name}/resourcequotas", {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
    wait_for(lambda: space.get(f"/api/v1/namespaces/{space.name}/resourcequotas/none").get("status", {}).get("used"), 30, "it counts")
    space.run("r")
    wait_for(lambda: reason_of(space.status("r")) == "Unschedulable", 30, "the run says so")
    report = doctor(space, "--run")
    report.expect("quotas", "warn", f"ResourceQuota {space.name}/none leaves no room: 0 of 0 pods are taken")
    report.expect("probe", "fail", f"was refused in namespace {space.name}", "exceeded quota: none")
    report.expect("waiting-runs", "warn", "with the reason Unschedulable", f"{space.name}/r", "exceeded quota")


@case(alone=True)
def doctor_finds_a_source_that_cannot_be_reached(space):
    space.project(url="http://10.250.0.1:1/nothing.git")
    path = f"/apis/modelrun.dev/v1alpha1/namespaces/{space.name}/modelprojects/models"

    def is_unready():
        conditions = space.get(path).get("status", {}).get("conditions", [])
        return [each for each in conditions if each["type"] == "Ready" and each["status"] == "False"]

    wait_for(is_unready, 40, "the project is not Ready")
    report = doctor(space)
    report.expect("projects", "warn", "not Ready", f"{space.name}/models since", f"-n {space.name} describe modelproject models")


@case(alone=True)
def doctor_finds_a_ring_that_does_not_stand(space):
    """The kernel's Landlock cannot be switched off for a case: a run that waits is given the end that one without it has."""
    space.project()
    space.run("r", suspend=True)
    wait_for(lambda: reason_of(space.status("r")) == "Suspended", 30, "the operator has seen it")
    node = space.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
    end = {"phase": "Succeeded", "exitCode": 0, "stdout": "", "stderr": "", "nodeName": node, "provenance": {"rings": "process,seccomp"}}
    path = RUNS.format(space.name) + "/r"
    space.cluster.request("PATCH", path + "/status", {"status": end}, "application/merge-patch+json")
    report = doctor(space)
    report.expect("sandbox", "warn", f"without the ring landlock on node {node}, for example {space.name}/r.", "lsm=landlock")


def kubeconfig_of(space, account, folder):
    """A kubeconfig of a service account that may see runs of the case's namespace, and nothing else."""
    space.post(f"/api/v1/namespaces/{space.name}/serviceaccounts", {"metadata": {"name": account}})
    binding = {
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "modelrun-viewer"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": space.name}],
    }
    space.post(f"{RBAC}/namespaces/{space.name}/rolebindings", binding)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = space.post(f"/api/v1/namespaces/{space.name}/serviceaccounts/{account}/token", request)["status"]["token"]
    config = json.loads(hack("kubectl", "config", "view", "--raw", "--flatten", "-o", "json"))
    config["users"][0]["user"] = {"token": token}
    path = os.path.join(folder, "kubeconfig")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(config, out)
    return path


@case(alone=True)
def doctor_says_what_the_caller_may_not_read(space):
    space.project()
    space.run("r")
    space.finish("r")
    with tempfile.TemporaryDirectory() as folder:
        report = doctor(space, "--kubeconfig", kubeconfig_of(space, "viewer", folder))
    report.expect("your-rights", "warn", f"You may not create modelruns.modelrun.dev in namespace {space.name}", "modelrun-editor")
    report.expect("crds", "warn", "you may not get customresourcedefinitions.apiextensions.k8s.io")
    report.expect("operator", "warn", "you may not list deployments.apps in namespace modelrun-system")
    report.expect("operator-rights", "skip", "the operator's Deployment is not known")
    report.expect("projects", "ok", f"1 project in namespace {space.name}")
