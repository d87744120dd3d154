"""Nodes: one that is dead, played by the test, and one that is drained while no operator runs."""

import contextlib
import json
import ssl
import threading
import urllib.request

from cases_faults import jobs_created, operator_pids
from cases_lifecycle import expect, project_with_sleeper, sleeping
from cluster import JOBS, OPERATOR_PODS, PODS, ApiError, reason_of, wait_for
from disturb import DEPLOYMENT, SYSTEM, all_ready, leader, made, merge, now
from harness import case, same

NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MARK = "e2e.modelrun.dev/node"


class Ghost:
    """A node without a kubelet: heartbeats keep it Ready, and only pods that name it come to it, where nothing happens to them
    but what the test makes up."""

    def __init__(self, space):
        self.space, self.name = space, "played-for-" + space.name  # after the real one in every list
        self.done = threading.Event()
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        taint = {"key": MARK, "value": self.name, "effect": "NoSchedule"}
        node = {"metadata": {"name": self.name, "labels": {MARK: self.name}}, "spec": {"taints": [taint]}}
        self.stack.enter_context(made(self.space, NODES, node))
        lease = {"metadata": {"name": self.name}, "spec": {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": now()}}
        self.stack.enter_context(made(self.space, LEASES, lease))
        room = {"cpu": "8", "memory": "16Gi", "pods": "50", "ephemeral-storage": "100Gi"}
        ready = {"type": "Ready", "status": "True", "reason": "Played", "message": "", "lastHeartbeatTime": now()[:19] + "Z"}
        status = {"capacity": room, "allocatable": room, "conditions": [ready]}
        merge(self.space, f"{NODES}/{self.name}/status", {"status": status})
        self.heart = threading.Thread(target=self._beat)
        self.heart.start()
        return self

    def _beat(self):
        while not self.done.wait(5):
            with contextlib.suppress(ApiError, OSError):
                merge(self.space, f"{LEASES}/{self.name}", {"spec": {"renewTime": now()}})

    def __exit__(self, *_):
        self.done.set()
        self.heart.join()
        for pod in self.pods():
            with contextlib.suppress(ApiError):
                self.space.delete(f"{PODS.format(self.space.name)}/{pod['metadata']['name']}?gracePeriodSeconds=0")
        self.stack.close()

    def pods(self):
        return [pod for pod in self.space.items(PODS) if pod["spec"].get("nodeName") == self.name]

    def runtime(self):
        """spec.runtime of a project whose runs come here."""
        return {"nodeSelector": {MARK: self.name}, "tolerations": [{"key": MARK, "operator": "Exists", "effect": "NoSchedule"}]}

    def pod_of(self, run, attempt=1):
        """The pod, once it is here."""
        mine = {"modelrun.dev/run-uid": self._uid(run), "modelrun.dev/attempt": str(attempt)}

        def bound():
            return next((p for p in self.pods() if mine.items() <= p["metadata"]["labels"].items()), None)

        return wait_for(bound, 30, f"the pod of {run} has come to {self.name}")

    def _uid(self, run):
        return self.space.get(f"/apis/modelrun.dev/v1alpha1/namespaces/{self.space.name}/modelruns/{run}")["metadata"]["uid"]

    def start(self, run, attempt=1):
        """Plays kubelet and agent until the run is Running; gives its pod's name."""
        space = self.space
        pod = self.pod_of(run, attempt)["metadata"]
        common = {"ready": True, "restartCount": 0, "image": "", "imageID": "", "state": {"running": {}}}
        running = [{"name": name, **common} for name in ("agent", "model")]
        merge(space, f"{PODS.format(space.name)}/{pod['name']}/status", {"status": {"phase": "Running", "containerStatuses": running}})
        bound_to = {"kind": "Pod", "apiVersion": "v1", "name": pod["name"], "uid": pod["uid"]}
        request = {"spec": {"audiences": ["modelrun.dev/run-server"], "expirationSeconds": 600, "boundObjectRef": bound_to}}
        token = space.post(f"/api/v1/namespaces/{space.name}/serviceaccounts/default/token", request)["status"]["token"]
        wait_for(lambda: self._source(f"{space.name}/{run}/{self._uid(run)}/{attempt}", token), 60, f"{run} is given its source")
        space.wait_phase(run, ("Running",), 20)
        return pod["name"]

    def _source(self, attempt, token):
        address = self.space.get(SYSTEM.format("v1").replace("/apis/", "/api/") + "/services/modelrun-run-server")["spec"]
        url = f"https://{address['clusterIP']}:{address['ports'][0]['port']}/v1/attempts/{attempt}/source"
        request = urllib.request.Request(url, b"", {"Authorization": "Bearer " + token})
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
        with contextlib.suppress(OSError), urllib.request.build_opener(*handlers).open(request, timeout=30) as answer:
            return answer.status == 200 and answer.read()
        return None


@case
def node_that_is_dead(space):
    """Pods that are deleted and never go: NodeLost and tried again, NodeLost at the last attempt, or Cancelled."""
    with Ghost(space) as ghost:
        project_with_sleeper(space, runtime=ghost.runtime())
        url = space.get(f"/apis/modelrun.dev/v1alpha1/namespaces/{space.name}/modelprojects/models")["spec"]["source"]["git"]["url"]
        space.project("once", url=url, runtime=ghost.runtime(), limits={"attempts": 1})
        sleeping(space, "again")
        sleeping(space, "ends", project="once")
        sleeping(space, "cancelled")
        sleeping(space, "ordered")
        pods = {run: ghost.start(run) for run in ("again", "ends", "cancelled", "ordered")}
        for run in ("again", "ends", "cancelled"):
            space.delete(f"{PODS.format(space.name)}/{pods[run]}?gracePeriodSeconds=5")
        for run in ("cancelled", "ordered"):
            space.patch_run(run, cancel=True)
        wait_for(lambda: reason_of(space.status("cancelled")) == "Cancelling", 20, "the wait has a reason")
        second = wait_for(lambda: (s := space.status("again")).get("attempts") == 2 and s, 60, "another attempt begins")
        assert second["phase"] == "Pending" and second["jobName"].endswith("-2"), second
        wait_for(lambda: space.exists(f"{JOBS.format(space.name)}/{second['jobName']}"), 20, "its Job is there")
        expect(space.finish("ends", 60), "Failed", "NodeLost")
        expect(space.finish("cancelled", 60), "Cancelled", "Cancelled")
        # The pod of this one was not deleted; its agent does not carry out the order, and its kubelet not the deletion.
        expect(space.finish("ordered", 120), "Cancelled", "Cancelled")
        still = {pod["metadata"]["name"] for pod in ghost.pods()}
        assert set(pods.values()) <= still, f"all of this was told while the pods were there: {pods}, {still}"
        space.patch_run("again", cancel=True)
        expect(space.finish("again", 60), "Cancelled", "Cancelled")
        created = jobs_created(space.name)
        assert len(created) == len(set(created)) == 5, created


@case(alone=True, since=(36, "pods have no image volumes by themselves"))
def node_without_image_volumes(space):
    """Its runtime refuses the volume: the run starts again without, which is not one of its attempts, and others follow."""
    with Ghost(space) as ghost:
        project_with_sleeper(space, runtime=ghost.runtime(), limits={"attempts": 1})
        for run, attempt in (("first", 1), ("other", 0)):
            sleeping(space, run)
            if attempt:
                pod = ghost.pod_of(run)
                assert files_of(pod)["image"]["reference"] == pod["spec"]["containers"][0]["image"], pod["spec"]
                waiting = {"waiting": {"reason": "CreateContainerError", "message": 'failed to generate spec: failed to mkdir ""'}}
                common = {"ready": False, "restartCount": 0, "image": "", "imageID": ""}
                states = [{"name": "agent", "state": {"running": {}}, **common}, {"name": "model", "state": waiting, **common}]
                merge(space, f"{PODS.format(space.name)}/{pod['metadata']['name']}/status", {"status": {"containerStatuses": states}})
            pod = ghost.pod_of(run, attempt + 1)
            assert "emptyDir" in files_of(pod), pod["spec"]
            ghost.start(run, attempt + 1)
            same([space.status(run).get(field) for field in ("attempts", "freeAttempts")], [attempt + 1, attempt or None])
            space.patch_run(run, cancel=True)
    # What the leader knows of this cluster is not true.
    for pod in space.get(OPERATOR_PODS)["items"]:
        space.delete(f"/api/v1/namespaces/modelrun-system/pods/{pod['metadata']['name']}?gracePeriodSeconds=0")
    wait_for(lambda: all_ready(space, 2), 120, "two other operators")
    leader(space)


def files_of(pod):
    """The volume with the sandbox's files."""
    return next(volume for volume in pod["spec"]["volumes"] if volume["name"] == "modelrun")


@case(alone=True)
def drained_while_no_operator_runs(space):
    """The pod was evicted and is gone before an operator looks: Evicted, and tried again."""
    project_with_sleeper(space)
    url = space.get(f"/apis/modelrun.dev/v1alpha1/namespaces/{space.name}/modelprojects/models")["spec"]["source"]["git"]["url"]
    space.project("once", url=url, limits={"attempts": 1})
    sleeping(space, "again")
    sleeping(space, "ends", project="once")
    sleeping(space, "deleted")
    pods = {run: space.wait_phase(run, ("Running",), 90)["podName"] for run in ("again", "ends", "deleted")}
    replicas = space.get(DEPLOYMENT)["spec"]["replicas"]
    merge(space, DEPLOYMENT + "/scale", {"spec": {"replicas": 0}})
    try:
        wait_for(lambda: not operator_pids(), 60, "no operator runs")
        for run in ("again", "ends"):
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pods[run]}}
            space.post(f"{PODS.format(space.name)}/{pods[run]}/eviction", eviction)
        space.delete(f"{PODS.format(space.name)}/{pods['deleted']}")
        wait_for(lambda: not space.items(PODS), 90, "the pods are gone")
    finally:
        merge(space, DEPLOYMENT + "/scale", {"spec": {"replicas": replicas}})
    wait_for(lambda: all_ready(space, replicas), 60, "the operators are back")
    leader(space)
    ended = space.finish("ends", 60)
    expect(ended, "Failed", "Evicted")
    second = wait_for(lambda: (s := space.status("again")).get("attempts") == 2 and s["phase"] == "Running" and s, 90, "it runs again")
    assert second["podName"] != pods["again"]
    expect(space.finish("deleted", 60), "Failed", "PodDeleted")
    space.patch_run("again", cancel=True)
    expect(space.finish("again", 60), "Cancelled", "Cancelled")
    created = jobs_created(space.name)
    assert len(created) == len(set(created)) == 4, json.dumps(created)
