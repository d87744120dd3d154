"""What is restored of a backup: finished runs with their results, and nothing of them executed again."""

import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile

import cases_sweeps
from cases_cli import KUBECTL, modelrun
from cases_faults import jobs_created
from cluster import CONFIG_MAPS, JOBS, OPERATOR_PODS, PODS, ROOT, RUNS, hack, reason_of, stays, wait_for
from disturb import all_ready, leader
from documented import documented
from harness import case, same

PROGRAM = os.path.join(ROOT, "examples", "backup", "modelrun-backup")
ENDS = ("phase", "exitCode", "commitSHA", "runNumber", "attempts", "outputs", "stdout", "message", "startedAt", "finishedAt", "artifacts", "resultRef", "points", "timeline")

MODELS = {
    "run.py": "print('whole')\nresult = {'answer': 42, 'long': 9007199254740993, 'one': 1.5}\n",
    "model/large.py": "open('/outputs/report.csv', 'w').write('a,b\\n1,2\\n')\nresult = {'blob': 'y' * 200_000}\n",
    "model/fails.py": "import sys\nsys.exit(3)\n",
    "model/slow.py": "import time\nprint('begun', flush=True)\ntime.sleep(600)\n",
    "model/short.py": "result = {'end': 'of a second execution'}\n",
    "model/table.py": cases_sweeps.MODEL,
}


def backup(space, *arguments, given=None, code=0):
    """Runs the program as an administrator does; gives what it prints on stdout."""
    environment = {**os.environ, "KUBECONFIG": space.cluster.kubeconfig, "PATH": os.path.dirname(KUBECTL) + ":" + os.environ["PATH"]}
    done = subprocess.run([PROGRAM, *arguments], env=environment, input=given, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}, not {code}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
    return done.stdout


def runs_of(space):
    return {run["metadata"]["name"]: run for run in space.items(RUNS)}


def emptied(space):
    """The namespace is deleted, and made again under its name."""
    path = f"/api/v1/namespaces/{space.name}"
    labels = space.get(path)["metadata"]["labels"]
    space.delete(path)
    wait_for(lambda: not space.exists(path), 120, "the namespace is gone")
    space.post("/api/v1/namespaces", {"metadata": {"name": space.name, "labels": labels}})
    wait_for(lambda: space.exists(f"{path}/serviceaccounts/default"), 20, "default service account")


@case(minutes="a minute and a half")
def namespace_is_restored_and_no_finished_run_is_executed_again(space):
    """Deleted by accident: from the file of examples/backup come ends, results, tables and numbers; what was not over is held."""
    space.project(files=MODELS)
    space.run("whole")
    space.run("large", modelName="large")
    space.run("fails", modelName="fails")
    space.run("cancelled", modelName="slow")
    space.run("points", modelName="table", points=[{"i": i} for i in range(3)])
    space.wait_phase("cancelled", ("Running",))
    space.patch_run("cancelled", cancel=True)
    cases_sweeps.create(space, "sweep", 3)
    for name in ("whole", "large", "fails", "cancelled", "points"):
        space.finish(name, 120)
    cases_sweeps.finish(space, "sweep")
    space.run("slow", modelName="slow")
    space.run("late", modelName="short", suspend=True)
    space.wait_phase("slow", ("Running",))
    wait_for(lambda: reason_of(space.status("late")) == "Suspended", 30, "it is held")

    text = backup(space, "save", space.name)
    before, table = runs_of(space), modelrun(space, "output", "modelsweep/sweep")[0]
    rows, blob = modelrun(space, "output", "points")[0], modelrun(space, "output", "large")[0]
    emptied(space)
    executed = jobs_created(space.name)
    told = backup(space, "restore", space.name, given=text)
    assert "suspended, as it was not over: ModelRun slow\n" in told, told

    after = runs_of(space)
    for name in set(before) - {"slow", "late"}:
        for field in ENDS:
            same((name, field, after[name]["status"].get(field)), (name, field, before[name]["status"].get(field)))
        same({**before[name]["spec"], "suspend": False, "cancel": name == "cancelled"}, {"suspend": False, "cancel": False, **after[name]["spec"]})
        same(after[name]["status"]["runID"], after[name]["metadata"]["uid"])
    same(modelrun(space, "output", "modelsweep/sweep")[0], table)
    same(modelrun(space, "output", "points")[0], rows)
    same(modelrun(space, "output", "large")[0], blob)
    same(modelrun(space, "output", "large", "report.csv")[0], "a,b\n1,2\n")
    stays(lambda: not space.items(JOBS), 5, "nothing is executed")
    same(jobs_created(space.name), executed)

    # Once more: there is nothing to do, and nothing is done.
    versions = {name: run["metadata"]["resourceVersion"] for name, run in after.items()}
    backup(space, "restore", space.name, given=text)
    same({name: run["metadata"]["resourceVersion"] for name, run in runs_of(space).items()}, versions)

    # What was not over goes on when a person says so, on its commit, under a number that no run has had.
    same(after["slow"]["spec"]["commitSHA"], before["slow"]["status"]["commitSHA"])
    space.patch_run("late", suspend=False)
    status = space.finish("late")
    same((status["phase"], status["outputs"]), ("Succeeded", {"end": "of a second execution"}))
    highest = max(run["status"].get("runNumber", 0) for run in before.values())
    same(status["runNumber"], highest + 1)

    # Results go with their runs, as before: the owner references lead to the new objects.
    names = after["large"]["status"]["resultRef"]["configMaps"]
    space.delete(f"{RUNS.format(space.name)}/large")
    wait_for(lambda: not any(space.exists(f"{CONFIG_MAPS.format(space.name)}/{name}") for name in names), 60, "the result is gone with its run")

    # By hand, as the page says.
    executed = jobs_created(space.name)
    by_hand(space, "fails")
    same(space.status("fails")["exitCode"], 3)
    stays(lambda: space.status("fails").get("phase") == "Failed", 3, "it is over")
    same(jobs_created(space.name), executed)

    # In neither way: a manifest has no status, and the run is executed again.
    space.delete(f"{RUNS.format(space.name)}/whole")
    plain = {**before["whole"], "metadata": {"name": "whole"}}
    space.post(RUNS.format(space.name), plain)
    space.finish("whole")
    same(len(jobs_created(space.name)), len(executed) + 1)


def by_hand(space, name):
    """docs/backup.md, on a run that is deleted before."""
    block = documented("status.json", "backup.md", [("NAME", name)])
    run = space.get(f"{RUNS.format(space.name)}/{name}")
    space.delete(f"{RUNS.format(space.name)}/{name}")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "run.json"), "w", encoding="utf-8") as file:
            json.dump(run, file)
        config = shutil.copy(space.cluster.kubeconfig, folder)
        environment = {**os.environ, "KUBECONFIG": config, "PATH": os.path.dirname(KUBECTL) + ":" + os.environ["PATH"]}
        script = f"kubectl config set-context --current --namespace {space.name}\n" + block
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, check=True, timeout=60)
    same(space.get(f"{RUNS.format(space.name)}/{name}")["spec"].get("suspend", False), False)


# ---- etcd


def end_component(name):
    pid = int(hack("pid", name))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 30, f"{name} has ended")


def etcd_folder():
    return os.path.join(os.path.dirname(hack("audit")), "etcd")


def with_etcd_stopped(action, others=()):
    """Ends API server and etcd, does something with etcd's folder, and starts what does not run."""
    for name in (*others, "kube-apiserver", "etcd"):
        end_component(name)
    action()
    hack("up")


def has_processes(run):
    """Whether an agent of the run is there on this machine, whatever the API server knows."""
    mark = f"MODELRUN_RUN_NAME={run}\0".encode()
    for path in glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            if mark in file.read():
                return True
    return False


@case(alone=True, minutes="four minutes")
def etcd_is_restored_from_an_older_copy(space):
    """Ends that etcd has forgotten, runs that it does not know, Jobs and pods that are not there any more: each run of the copy ends
    right, none that was over in it changes, and nothing is left of what it does not know."""
    space.project(files={"run.py": "import json, time\nk = json.load(open('/inputs/parameters.json'))\ntime.sleep(k['seconds'])\nresult = {'k': k['k']}\n"}, history={"podSeconds": 3})

    def begin(name, k, seconds):
        space.run(name, parameters={"k": k, "seconds": seconds})

    begin("over", 1, 0)
    begin("forgotten", 2, 20)
    begin("goes-on", 3, 150)
    space.run("held", suspend=True, parameters={"k": 4, "seconds": 0})
    over = space.finish("over")
    for name in ("forgotten", "goes-on"):
        space.wait_phase(name, ("Running",))
    folder, copy = etcd_folder(), etcd_folder() + ".copy"
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, copy, ignore_errors=True)
        with_etcd_stopped(lambda: shutil.copytree(folder, copy))
        # An hour of which the copy knows nothing.
        end = space.finish("forgotten", 120)
        same((end["phase"], end["outputs"]), ("Succeeded", {"k": 2}))
        begin("unknown", 5, 0)
        space.finish("unknown")
        begin("unknown-and-running", 6, 600)
        space.wait_phase("unknown-and-running", ("Running",))
        assert has_processes("unknown-and-running")
        space.patch_run("held", suspend=False)
        space.finish("held")
        wait_for(lambda: len(space.items(JOBS)) == 2, 60, "the Jobs of what is over are gone")

        def older():
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)

        with_etcd_stopped(older, others=("kube-controller-manager", "kube-scheduler", "kubelet"))
    # Their watches go on from a revision that etcd does not have any more, and see nothing until it has it again.
    for pod in space.get(OPERATOR_PODS)["items"]:
        space.delete(f"/api/v1/namespaces/modelrun-system/pods/{pod['metadata']['name']}?gracePeriodSeconds=0")
    wait_for(lambda: all_ready(space, 2), 120, "two other operators")
    leader(space)
    same(sorted(runs_of(space)), ["forgotten", "goes-on", "held", "over"])
    same(space.status("over"), over)
    again = space.finish("forgotten", 180)
    same((again["phase"], again["outputs"]), ("Succeeded", {"k": 2}))
    word = "was not executed" if again["startedAt"] == end["startedAt"] else "was executed"
    print(f"  the run whose end was forgotten {word} again; attempts: {again['attempts']}", flush=True)
    went_on = space.finish("goes-on", 180)
    same((went_on["phase"], went_on["outputs"], went_on["attempts"]), ("Succeeded", {"k": 3}, 1))
    stays(lambda: reason_of(space.status("held")) == "Suspended", 3, "it is held, as in the copy")
    wait_for(lambda: not has_processes("unknown-and-running"), 90, "the kubelet has ended the pod of a run that etcd does not know")
    space.patch_run("held", suspend=False)
    same(space.finish("held")["outputs"], {"k": 4})
    begin("new", 7, 0)
    same(space.finish("new")["outputs"], {"k": 7})
    wait_for(lambda: not space.items(JOBS) and not space.items(PODS), 60, "nothing is left")
    numbers = [run["status"]["runNumber"] for run in runs_of(space).values()]
    same(len(numbers), len(set(numbers)))
