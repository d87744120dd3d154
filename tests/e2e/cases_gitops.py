"""The layouts of examples/gitops, carried out by the libraries that Flux and Argo CD are built from (tests/e2e/gitops)."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile

from cases_lifecycle import SLEEPER, expect
from cluster import FINAL, PROJECTS, ROOT, RUNS, ApiError, hack, reason_of, wait_for
from harness import Skip, case, same

EXAMPLES = os.path.join(ROOT, "examples")
HEALTH = os.path.join(EXAMPLES, "gitops", "argocd", "health.yaml")


def program(*arguments, **how):
    """What the program of tests/e2e/gitops answers."""
    library = os.path.join(ROOT, "hack", "lib.sh")
    found = subprocess.run(["bash", "-c", '. "$0"; find_gitops_test', library], capture_output=True, text=True, check=False)
    if found.returncode:
        lines = [line for line in found.stderr.splitlines() if line.strip()]
        raise Skip(f"the Go modules of tests/e2e/gitops cannot be had here: {' / '.join(lines[-3:])}")
    done = subprocess.run([found.stdout.strip(), *arguments], capture_output=True, text=True, check=False, timeout=300, **how)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read(path):
    with open(os.path.join(EXAMPLES, path), encoding="utf-8") as file:
        return file.read()


class Flux:
    """Flux with the layout of examples/gitops/flux, on a repository that begins with the files of examples/gitops/runs."""

    def __init__(self, space, folder):
        self.space, self.folder = space, folder
        self.runs = os.path.join(folder, "source", "examples", "gitops", "runs")
        shutil.copytree(os.path.join(EXAMPLES, "gitops", "runs"), self.runs)
        url = hack("repo", os.path.join(EXAMPLES, "project"), space.name)
        self.write("project.yaml", read("gitops/runs/project.yaml").replace("https://git.example.com/forecasts.git", url))
        layout = re.sub(r"(targetNamespace|namespace): forecasts\b", rf"\1: {space.name}", read("gitops/flux/kustomization.yaml"))
        assert layout.count(space.name) == 2, layout
        self.layout = layout

    def write(self, name, text):
        with open(os.path.join(self.runs, name), "w", encoding="utf-8") as file:
            file.write(text)

    def add(self, name, change=lambda text: text):
        """One more file, as examples/gitops/README.md says: like an older one, with a name of its own."""
        self.write(f"{name}.yaml", change(read("gitops/runs/2026-05-close.yaml").replace("name: 2026-05-close", f"name: {name}")))

    def remove(self, name):
        os.unlink(os.path.join(self.runs, name))

    def reconcile(self, change=lambda layout: layout):
        layout = os.path.join(self.folder, "layout.yaml")
        with open(layout, "w", encoding="utf-8") as file:
            file.write(change(self.layout))
        inventory = os.path.join(self.folder, "inventory.json")
        answer = program("flux", self.space.cluster.kubeconfig, layout, os.path.join(self.folder, "source"), inventory)
        answer["changes"] = {path.rsplit("/", 1)[1]: action for path, action in answer["changes"].items()}
        return answer

    def is_ready(self, **changes):
        """Reconciles; the runs named, with _ for -, were treated so."""
        answer = self.reconcile()
        assert answer["ready"], answer
        found = {name: answer["changes"].get(name.replace("_", "-")) for name in changes}
        same(found, changes)


@contextlib.contextmanager
def flux(space):
    with tempfile.TemporaryDirectory(prefix="flux.") as folder:
        yield Flux(space, folder)


def without_patches(layout):
    return re.sub(r"  patches:\n(?:    .*\n)+", "", layout)


def breaks(text):
    """The close as a run of the model that fails."""
    return re.sub(r"scope: project\n(?:  .*\n)+", "scope: model\n  modelName: fails\n", text)


@case
def flux_goes_on_after_a_run_that_failed(space):
    with flux(space) as tool:
        tool.add("march", breaks)
        tool.is_ready(march="created", forecasts="created")
        expect(space.finish("march"), "Failed", "NonZeroExit")
        tool.add("june")
        tool.is_ready(june="created", march="skipped")
        expect(space.finish("june"), "Succeeded", "Succeeded")
        # The tool does see failures: so it would stand if it waited for the runs, as nothing in the layout makes it do.
        everything = lambda text: without_patches(text).replace("wait: false", "wait: true")  # noqa: E731
        answer = tool.reconcile(everything)
        assert not answer["ready"] and answer["reason"] == "HealthCheckFailed" and "march" in answer["message"], answer


@case
def flux_keeps_the_result_of_a_file_that_goes(space):
    with flux(space) as tool:
        tool.write("note.yaml", json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}}))
        tool.is_ready(note="created")
        before = space.finish("2026-04-close")
        expect(before, "Succeeded", "Succeeded")
        for name in ("2026-04-close.yaml", "note.yaml"):
            tool.remove(name)
        answer = tool.reconcile()
        # Other objects are deleted with their files: the layout prunes.
        assert answer["ready"], answer
        same((answer["changes"]["2026-04-close"], answer["changes"]["note"]), ("skipped", "deleted"))
        run = space.get(RUNS.format(space.name) + "/2026-04-close")
        assert "deletionTimestamp" not in run["metadata"], run["metadata"]
        same(run["status"]["outputs"], before["outputs"])


@case
def flux_is_not_held_up_by_an_old_file_that_was_edited(space):
    edited = lambda text: text.replace("growth: 0.08", "growth: 0.5")  # noqa: E731
    with flux(space) as tool:
        tool.add("march")
        tool.is_ready(march="created")
        tool.add("march", edited)
        tool.add("june")
        refused = tool.reconcile(without_patches)
        assert refused["reason"] == "ReconciliationFailed" and "fixed once it is created" in refused["message"], refused
        tool.is_ready(march="skipped", june="created")
        same(space.get(RUNS.format(space.name) + "/march")["spec"]["parameters"]["growth"], 0.08)
        for name in ("march", "june"):
            expect(space.finish(name), "Succeeded", "Succeeded")


@case
def flux_does_not_suspend_again_what_a_person_has_resumed(space):
    def held(name):
        return space.get(RUNS.format(space.name) + "/" + name)["spec"]["suspend"]

    with flux(space) as tool:
        for name in ("july", "august"):
            tool.add(name, lambda text: text + "  suspend: true\n")
        tool.is_ready(july="created", august="created")
        for name in ("july", "august"):
            wait_for(lambda name=name: reason_of(space.status(name)) == "Suspended", 30, f"{name} waits")
        space.cluster.kubectl("patch", "-n", space.name, "modelrun", "july", "--type=merge", "-p", '{"spec":{"suspend":false}}')
        tool.is_ready(july="skipped", august="skipped")
        same((held("july"), held("august")), (False, True))
        expect(space.finish("july"), "Succeeded", "Succeeded")
        tool.is_ready(july="skipped")
        same(held("july"), False)


# What the tools are to make of a run, by the phase that it is in.
VERDICTS = {
    "Pending": ("InProgress", "Progressing"),
    "Running": ("InProgress", "Progressing"),
    "Succeeded": ("Current", "Healthy"),
    "Failed": ("Failed", "Degraded"),
    "TimedOut": ("Failed", "Degraded"),
    "Cancelled": ("Failed", "Degraded"),
}


def verdicts(objects):
    """(kstatus, Argo CD's status, Argo CD's message) of each."""
    answers = program("health", HEALTH, input=json.dumps(objects))
    return [(each["kstatus"], each["argocd"]["status"], each["argocd"]["message"]) for each in answers]


@case
def health_of_runs_in_every_phase(space):
    """Of real ones. The tools are asked for objects as the API server gives them, from the first moment on."""
    files = {"run.py": "result = {'n': 1}\n", "model/sleeper.py": SLEEPER, "model/fails.py": "raise KeyError('2026')\n"}
    space.project(files=files, limits={"maxConcurrentRuns": 8})
    seen = {}

    def look(name, what):
        seen[what] = space.get(RUNS.format(space.name) + "/" + name)

    seen["newborn"] = space.run("good")
    same(seen["newborn"]["status"], {"observedGeneration": -1})
    space.run("bad", modelName="fails")
    space.run("late", modelName="sleeper", timeoutSeconds=1)
    space.run("long", modelName="sleeper")
    space.run("held", suspend=True)
    space.run("lost", project="nowhere")
    space.wait_phase("long", ("Running",))
    look("long", "Running")
    wait_for(lambda: reason_of(space.status("held")) == "Suspended", 30, "it waits")
    look("held", "suspended")
    wait_for(lambda: space.status("lost").get("phase") == "Pending", 30, "it waits for its project")
    look("lost", "Pending")
    space.patch_run("long", cancel=True)
    for name, phase in (("good", "Succeeded"), ("bad", "Failed"), ("late", "TimedOut"), ("long", "Cancelled")):
        same(space.finish(name)["phase"], phase)
        look(name, phase)
    found = dict(zip(seen, verdicts(list(seen.values())), strict=True))
    same(found.pop("newborn"), ("InProgress", "Progressing", "waiting for the operator"))
    same(found.pop("suspended")[:2], ("InProgress", "Suspended"))
    same({phase: verdict[:2] for phase, verdict in found.items()}, VERDICTS)
    for phase, (_, _, message) in found.items():
        told = seen[phase]["status"]
        assert message and (phase not in FINAL[1:] or told["error"]["reason"] in message), (phase, message)
    assert "KeyError" in found["Failed"][2] and "nowhere" in found["Pending"][2], found


@case
def health_knows_every_phase_of_the_schema(space):
    """With as little beside it as a status may hold."""
    crd = space.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modelruns.modelrun.dev")
    phases = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["phase"]["enum"]
    same(sorted(phases), sorted(VERDICTS))
    run = {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRun", "metadata": {"name": "r"}, "spec": {"project": "p"}}
    for more in ({}, {"error": {}}, {"error": {"reason": "Lost"}}):
        found = verdicts([{**run, "status": {"phase": phase, **more}} for phase in phases])
        same([argo for _, argo, _ in found], [VERDICTS[phase][1] for phase in phases])
    same([argo for _, argo, _ in verdicts([run])], ["Progressing"])


@case
def health_of_projects(space):
    newborn = space.project("good")
    space.project("bad", url="http://10.250.0.1:9/nothing.git")
    path = PROJECTS.format(space.name)

    def judged(name):
        project = space.get(f"{path}/{name}")
        return project if any(each["type"] == "Ready" for each in project.get("status", {}).get("conditions", [])) else None

    good, bad = (wait_for(lambda name=name: judged(name), 60, f"{name} has been looked at") for name in ("good", "bad"))
    first, second, third = verdicts([newborn, good, bad])
    same(first[1:], ("Progressing", "waiting for the operator"))
    same((second[:2], third[1]), (("Current", "Healthy"), "Degraded"))
    assert third[2] and third[0] != "Current", third


@case
def argocd_leaves_what_people_may_change_alone(space):
    """The fields that its layout tells Argo CD to ignore are those that a run lets people change; and it does ignore them when it syncs."""
    layout = read("gitops/argocd/application.yaml")
    assert re.search(r"^ +- RespectIgnoreDifferences=true$", layout, re.MULTILINE), layout
    assert "ServerSideApply=true" not in layout, "its dry run would refuse all files for one that was edited"
    ignored = set(re.findall(r"^ +- /spec/(\w+)$", layout, re.MULTILINE))
    url = space.repo({"run.py": SLEEPER})
    space.project(url=url)
    run = space.run("r", branch="main", parameters={"n": 1}, timeoutSeconds=60, suspend=True, reuse="Never")
    points = space.run("p", branch="main", points=[{"n": 1}], pointTimeoutSeconds=5, maxFailedPoints=1, suspend=True)
    changed = set()
    new_points = {"points": [{"n": 2}], "pointTimeoutSeconds": 6, "maxFailedPoints": 2}
    new = {"project": "other", "scope": "model", "modelName": "m", "branch": "next", "commitSHA": "0" * 40, "parameters": {"n": 2},
           "timeoutSeconds": 61, "onArtifactLoss": "Fail", "reuse": "Join", "suspend": False, "cancel": True}
    crd = space.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modelruns.modelrun.dev")
    fields = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    same(set(new) | set(new_points), set(fields))
    for of, changes in ((run, new), (points, new_points)):
        path = RUNS.format(space.name) + "/" + of["metadata"]["name"] + "?dryRun=All"
        for field, value in changes.items():
            with contextlib.suppress(ApiError):
                space.cluster.request("PATCH", path, {"spec": {field: value}}, "application/merge-patch+json")
                changed.add(field)
    same(ignored, changed)
