"""From the earlier release to this checkout's by `helm upgrade`, and back by `helm rollback`, with a namespace full of runs each time."""

import os

from cases_helm import CRD, LABEL, SYSTEM, Release
from cluster import Cluster, hack, wait_for
from disturb import LEASE
from documented import documented
from gateway import binary
from harness import attempt, count
from scene import Scene

NAMESPACE = {"metadata": {"name": SYSTEM, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
WAIT = ("--wait", "--timeout", "4m")


class Crossing:
    """From one release to the other; `step` says what is done, and is the first word of each test's name."""

    def __init__(self, cluster, step):
        self.step, self.outcomes = step, []
        self.scene = Scene(cluster, step)

    def check(self, function, *words):
        self.outcomes.append(attempt(f"{self.step}_{function.__name__}", lambda: function(*words), lambda failed: self.scene.story() if failed else ""))
        return self.outcomes[-1] == "ok"

    def cross(self, change, manifest, plugin):
        """`change` replaces the release; `manifest` checks what the cluster has of it; `plugin` is that of the release afterwards."""
        scene = self.scene
        try:
            if not self.check(scene.there_are_runs_in_every_phase) or not self.check(change):
                return self.outcomes
            self.check(scene.what_went_on_was_not_over_yet)
            self.check(scene.results_are_read, plugin)
            self.check(scene.a_new_run_is_executed)
            self.check(scene.the_call_at_the_gateway_finds_its_run_again)
            self.check(scene.what_executed_ends_right_in_the_same_pod)
            self.check(scene.a_run_that_waited_for_a_slot_gets_it)
            self.check(scene.a_suspended_run_is_resumed)
            self.check(scene.a_sweep_under_way_has_each_row_once)
            self.check(scene.a_sandbox_that_stood_ready_is_replaced)
            self.check(scene.runs_that_are_over_stay_as_they_were)
            self.check(scene.nothing_was_executed_twice)
            self.check(manifest)
        finally:
            scene.remove()
        return self.outcomes


def there_and_back(earlier):
    cluster = Cluster()
    there, back = Crossing(cluster, "upgrade"), Crossing(cluster, "rollback")
    scene = there.scene
    # What this node needs, and the images of this checkout, which so are there before any run is.
    new = hack("values").splitlines()
    release = Release(scene, [*without_images(new), *earlier.load()])

    def helm_upgrade():
        release.shell(documented("--take-ownership"), *new, *WAIT)
        the_only_pods_have(images_in(new), scene)

    def helm_rollback():
        release.shell(documented("helm rollback", "upgrading.md", [("REVISION", "1")]), *WAIT)
        the_only_pods_have(images_in(release.flags), scene)

    def the_cluster_has_what_the_chart_says():
        release.shell(f"helm get manifest modelrun --namespace {SYSTEM} | kubectl diff --server-side --force-conflicts --field-manager helm --filename -")
        assert scene.exists(CRD)

    scene.post("/api/v1/namespaces", NAMESPACE)
    release.shell(f"helm install modelrun {earlier.chart} --namespace {SYSTEM}", *release.flags, *WAIT)
    outcomes = there.cross(helm_upgrade, the_cluster_has_what_the_chart_says, binary("kubectl-modelrun"))
    # The second outcome is that of the upgrade itself. Where it failed there is nothing to roll back.
    if outcomes[1:2] == ["ok"]:
        outcomes += back.cross(helm_rollback, the_cluster_has_what_the_chart_says, os.path.join(earlier.folder, "build", "release", "bin", "kubectl-modelrun"))
    return count(outcomes)


def without_images(words):
    """hack/cluster's arguments for helm, which are pairs, but for those that name an image."""
    pairs = zip(words[::2], words[1::2])
    return [word for pair in pairs if not pair[1].startswith("image.") for word in pair]


def images_in(words):
    """{operator and gateway: its image} of such arguments."""
    named = dict(word.split("=", maxsplit=1) for word in words if word.startswith("image."))
    return {name: named["image." + name] for name in ("operator", "gateway")}


def the_only_pods_have(images, scene):
    """Those of the other release are gone, and one of these leads: nobody else can be who brings the runs to their ends."""

    def settled():
        pods = scene.get(f"/api/v1/namespaces/{SYSTEM}/pods?labelSelector={LABEL.replace('=', '%3D')}")["items"]
        operators = [pod["metadata"]["name"] for pod in pods if pod["metadata"]["labels"]["app.kubernetes.io/component"] == "operator"]
        leader = scene.get(LEASE)["spec"].get("holderIdentity") or ""
        return {pod["spec"]["containers"][0]["image"] for pod in pods} == set(images.values()) and any(leader.startswith(name) for name in operators)

    wait_for(settled, 60, f"only {images} are there, and lead")
