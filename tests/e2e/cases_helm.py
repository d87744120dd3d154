"""A release by helm itself in place of what hack/cluster has deployed: installed, upgraded from an earlier chart, and taken away again.

The commands are those of docs/quickstart.md. The earlier chart stands beside the manifests as `helm package` would have made it at the
commit in its name: a clone need not have the history.
"""

import contextlib
import os
import re
import subprocess
import tempfile

from cases_chart import CHART, HELM, PROGRAMS
from cases_lifecycle import SLEEPER, expect
from cluster import JOBS, PATIENCE, PODS, ROOT, ApiError, hack, wait_for
from documented import documented
from harness import case, same

EARLIER = os.path.join(ROOT, "tests", "e2e", "manifests", "modelrun-0.1.0-308d9ec.tgz")
SYSTEM = "modelrun-system"
LABEL = "app.kubernetes.io/instance=modelrun"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modelprojects.modelrun.dev"
KINDS = "deployments,services,serviceaccounts,poddisruptionbudgets,networkpolicies,roles,rolebindings,clusterroles,clusterrolebindings"
FILES = {"run.py": "result = {'n': 1}\n", "model/sleeper.py": SLEEPER, "model/brief.py": f"import time\ntime.sleep({20 * PATIENCE})\nresult = {{'n': 2}}\n"}


class Release:
    """`flags` say where the images of this node are."""

    def __init__(self, space, flags):
        self.space, self.flags = space, flags

    def shell(self, script, *arguments):
        """Runs it at the top of the tree, with the arguments after its last command; gives what it printed."""
        path = os.pathsep.join([os.path.dirname(HELM), PROGRAMS, os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "KUBECONFIG": self.space.cluster.kubeconfig}
        command = ["bash", "-euo", "pipefail", "-c", script.rstrip() + ' "$@"', "quickstart", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def install(self, chart):
        """The CRDs are there already: kubectl has put them in, or a release has left them."""
        return self.shell(f"helm install modelrun {chart} --namespace {SYSTEM} --take-ownership", *self.flags, "--wait", "--timeout", "3m")

    def objects(self):
        return self.shell(f"kubectl get {KINDS} --all-namespaces --selector {LABEL} --output name").split()

    def pods(self, ending=False):
        """{uid: component}, with `ending` also of those that are about to go."""
        found = self.space.get(f"/api/v1/namespaces/{SYSTEM}/pods?labelSelector={LABEL.replace('=', '%3D')}")["items"]
        component = "app.kubernetes.io/component"
        return {pod["metadata"]["uid"]: pod["metadata"]["labels"][component] for pod in found if ending or "deletionTimestamp" not in pod["metadata"]}


@contextlib.contextmanager
def without_the_deployed(space):
    """The CRDs stay; afterwards everything is there again. Gives Release.shell."""
    release = Release(space, [])
    try:
        release.shell(f"kubectl delete {KINDS} --all-namespaces --selector {LABEL} --wait")
        wait_for(lambda: not release.pods(ending=True), 60, "the pods of the deployed operator are gone")
        yield release.shell
    finally:
        hack("deploy")


@contextlib.contextmanager
def own_release(space):
    """In place of what is deployed. The namespace of the tokens is another one, as the present one stays."""
    tokens = space.name + "-tokens"
    release = Release(space, [*hack("values").splitlines(), "--set", f"gateway.tokenNamespace={tokens}"])
    with without_the_deployed(space):
        try:
            yield release
        finally:
            release.shell(f"helm uninstall modelrun --namespace {SYSTEM} --ignore-not-found --wait")
            with contextlib.suppress(ApiError):
                space.delete(f"/api/v1/namespaces/{tokens}")


def model_has_ended(space, run):
    containers = space.get(PODS.format(space.name) + "/" + space.status(run)["podName"])["status"]["containerStatuses"]
    return any(each["name"] == "model" and "terminated" in each["state"] for each in containers)


@case(alone=True, since=(32, "the earlier release could not be installed"), minutes="a minute and a half")
def helm_upgrades_an_earlier_release_while_runs_go_on(space):
    """As the quickstart says, with values that the earlier chart did not know; its CRDs lacked fields, too."""
    with own_release(space) as release:
        with tempfile.TemporaryDirectory() as folder:
            # Not by `helm show crds`, which glued the earlier chart's files together.
            release.shell(f"tar --extract --file {EARLIER} --directory {folder}")
            release.shell(f"kubectl replace --field-manager helm --filename {folder}/modelrun/crds")
        release.install(EARLIER)
        space.project(files=FILES, name="models")
        assert "artifactBytes" not in str(space.get(CRD)), "the earlier CRDs do not know it"
        for name in ("long", "brief"):
            space.run(name, modelName={"long": "sleeper"}.get(name, name))
        space.wait_phase("long", ("Running",))
        before = release.pods()
        assert {"operator", "gateway"} == set(before.values()), before
        release.shell(documented("--take-ownership"), "--set-string", "podAnnotations.by=upgrade", "--wait", "--timeout", "3m")
        same(set(before) & set(release.pods()), set())
        same(space.status("long")["phase"], "Running")
        assert "artifactBytes" in str(space.get(CRD)), "those of this chart do"
        # The new operator knows the runs of the old one: it ends them, and takes what they bring.
        space.patch_run("long", cancel=True)
        end = space.finish("long")
        expect(end, "Cancelled", "Cancelled")
        same((end["stdout"], end["attempts"]), ("started\n", 1))
        end = space.finish("brief")
        expect(end, "Succeeded", "Succeeded")
        same((end["outputs"], end["attempts"]), ({"n": 2}, 1))
        space.run("after")
        expect(space.finish("after"), "Succeeded", "Succeeded")
        same(len(space.items(JOBS)), 3)


@case(alone=True, minutes="two minutes")
def helm_uninstall_leaves_what_the_quickstart_says(space):
    with own_release(space) as release:
        with tempfile.TemporaryDirectory() as folder:
            release.shell(f"helm package {CHART} --destination {folder}")
            notes = release.install(os.path.join(folder, "*.tgz"))
        assert "helm uninstall` leaves CRDs, projects and runs" in notes, notes
        paths = [word for word in re.findall(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]*", notes) if os.path.exists(os.path.join(ROOT, word))]
        same(paths, [])  # who has installed the package has no checkout
        space.project(files=FILES, name="models")
        space.run("done")
        done = space.finish("done")
        expect(done, "Succeeded", "Succeeded")
        # The same values again restart nothing.
        before = release.pods()
        release.shell(f"helm upgrade modelrun {CHART} --namespace {SYSTEM} --reuse-values --wait")
        same(release.pods(), before)
        space.run("left", modelName="brief")
        space.wait_phase("left", ("Running",))
        said = release.shell(documented("helm uninstall"), "--wait")
        assert f"[Namespace] {space.name}-tokens" in said and "[CustomResourceDefinition] modelruns.modelrun.dev" in said, said
        same(release.objects(), [])
        wait_for(lambda: not release.pods(ending=True), 60, "operator and gateway are gone")
        same(space.status("done"), done)
        same(space.status("left")["phase"], "Running")
        wait_for(lambda: model_has_ended(space, "left"), 60, "the model has ended without an operator")
        release.install(CHART)
        same(space.status("done"), done)
        left = space.finish("left")
        expect(left, "Succeeded", "Succeeded")
        same((left["outputs"], left["attempts"]), ({"n": 2}, 1))


@case(alone=True)
def helm_test_makes_one_real_run(space):
    """As docs/install.md says; the second repository's run fails, and so does the test. Nothing of either is left."""
    with own_release(space) as release:
        release.install(CHART)
        try:
            for number, (source, expected) in enumerate((("result = {'n': 1}\n", True), ("raise SystemExit('not today')\n", False))):
                url = space.repo({"run.py": source}, f"{space.name}-{number}")
                release.shell(f"helm upgrade modelrun {CHART} --namespace {SYSTEM} --reuse-values --set helmTest.git.url={url} --wait")
                said = release.shell(f"helm test modelrun --namespace {SYSTEM} --logs 2>&1 || echo FAILED; true")
                ends = re.findall(r"^run helm-test-[0-9a-f]+: (Succeeded|Failed)", said, re.MULTILINE)
                same(("FAILED" not in said, ends), (expected, ["Succeeded" if expected else "Failed"]))
                assert ('"n": 1' if expected else "not today") in said, said
                same(release.shell(f"kubectl get modelruns,modelprojects --namespace {SYSTEM} --output name"), "")
        finally:
            # The pod of a test stays until the next one, and is not the release's.
            release.shell(f"kubectl delete pod modelrun-test --namespace {SYSTEM} --ignore-not-found --wait")
