"""A namespace with a run in every phase, and what has to hold of each after another release has taken over."""

import collections
import contextlib
import glob
import http.client
import os
import subprocess
import threading

from cases_faults import audit_events
from cases_helm import LABEL, SYSTEM
from cases_lifecycle import expect
from cases_sweeps import create, status_of, table_of
from cases_warm import await_pool, standbys
from cluster import FINAL, RUNS, wait_for
from gateway import Endpoint, GatewaySpace
from harness import same

ADDRESS = "10.96.200.80"  # of the gateway's Service, as hack/cluster values says
KEY = "the one call"
STANDBY = "modelrun.dev/standby"  # a label of Jobs
POINTS, HELD = 60, 3  # of a sweep, as three runs; in each of them a point waits
LONG = 300  # seconds that a run may take, so that none times out while the operator is replaced
# The test looks for the file in the processes of the node, and takes it away.
WAITS = """\
import os, time
def wait():
    open('/tmp/waiting', 'w').close()
    while os.path.exists('/tmp/waiting'):
        time.sleep(0.1)
"""
FILES = {
    "run.py": "result = {'answer': 42}\n",
    "waits.py": WAITS,
    "model/fails.py": "import sys\nsys.exit(3)\n",
    "model/hangs.py": "import time\nprint('begun', flush=True)\ntime.sleep(600)\n",
    "model/large.py": "result = {'values': list(range(40000))}\n",
    "model/held.py": "from waits import wait\nprint('before', flush=True)\nwait()\nprint('after')\nresult = {'n': 1}\n",
    "model/table.py": "import json\nfrom waits import wait\np = json.load(open('/inputs/parameters.json'))\n"
    f"if p.get('held') and p['i'] % 25 == {HELD}:\n    wait()\nresult = {{'double': 2 * p['i']}}\n",
}
OVER = {"succeeded": "Succeeded", "large": "Succeeded", "fails": "Failed", "timed": "TimedOut", "cancelled": "Cancelled", "points": "Succeeded"}
HOLDING = ("slow", "holder", "called")  # runs whose models execute
GO_ON = (*HOLDING, "queued", "suspended")


class Call:
    """A sync call at the gateway, which waits for its run."""

    def __init__(self, token):
        self.token, self.answer, self.error = token, None, None
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()

    def ask(self):
        body = {"scope": "model", "mode": "sync", "project_name": "models", "model_name": "held"}
        status, _, fields = Endpoint(ADDRESS, 80).ask("POST", "/v1/runs", self.token, body, Idempotency_Key=KEY)
        return status, fields

    def _ask(self):
        try:
            self.answer = self.ask()
        except (OSError, http.client.HTTPException) as error:
            self.error = error

    def ended(self):
        return not self.thread.is_alive()


class Scene(GatewaySpace):
    prefix = "upgrade"

    def __init__(self, cluster, name):
        super().__init__(cluster, name)
        self.before = {}
        self.pods_before = {}
        self.standby_before = ""
        self.call = None

    # ---- what there is before

    def there_are_runs_in_every_phase(self):
        url = self.repo(FILES)
        self.project(url=url, limits={"timeoutSeconds": LONG})
        self.project("narrow", url=url, limits={"maxConcurrentRuns": 1, "timeoutSeconds": LONG})
        self.project("warm", url=url, warm={"sandboxes": 1})
        self.post(f"/api/v1/namespaces/{self.name}/serviceaccounts", {"metadata": {"name": "editor"}})
        self.bind("editor", "modelrun-editor", {"kind": "ServiceAccount", "name": "editor", "namespace": self.name})
        self.some_are_over()
        self.some_go_on()

    def some_are_over(self):
        for name in ("succeeded", "large", "fails"):
            self.run(name, **({} if name == "succeeded" else {"modelName": name}))
        self.run("timed", modelName="hangs", timeoutSeconds=3)
        self.run("cancelled", modelName="hangs")
        self.run("points", modelName="table", points=[{"i": i} for i in range(4)])
        create(self, "swept", 6, {"held": False})
        self.wait_phase("cancelled", ("Running",))
        self.patch_run("cancelled", cancel=True)
        for name, phase in OVER.items():
            same((name, self.finish(name, 120)["phase"]), (name, phase))
        self.sweep_ends("swept")
        self.before = {**{name: self.status(name) for name in OVER}, "swept": status_of(self, "swept")}

    def some_go_on(self):
        runs = len(self.items(RUNS))
        self.run("slow", modelName="held")
        self.run("holder", "narrow", modelName="held")
        self.run("suspended", suspend=True)
        self.call = Call(self.token("editor"))
        wait_for(lambda: len(self.items(RUNS)) == runs + 4, 60, "the call has made its run")
        self.wait_phase("holder", ("Running",))
        self.run("queued", "narrow")
        create(self, "sweeping", POINTS, {"held": True})
        wait_for(lambda: status_of(self, "sweeping").get("points", {}).get("succeeded", 0) == 2 * HELD, 60, "two runs of the sweep wait, at a point each")
        wait_for(lambda: all(self.holds(self.run_named(name)) for name in HOLDING), 60, f"the models of {HOLDING} wait")
        self.pods_before = {name: self.run_named(name)["status"]["podUID"] for name in HOLDING}
        await_pool(self, 1, "warm")
        self.standby_before = standbys(self)[0]["metadata"]["name"]
        same((self.status("queued").get("phase"), self.status("suspended").get("phase")), ("Pending", "Pending"))
        same(len(status_of(self, "sweeping")["runs"]), 2)
        assert not self.call.ended(), (self.call.answer, self.call.error)

    def story(self):
        """With the last words of operator and gateway."""
        said = self.cluster.kubectl("logs", "--namespace", SYSTEM, "--selector", LABEL, "--all-containers", "--prefix", "--tail", "8")
        return super().story() + said + "\n"

    # ---- models that wait

    def run_named(self, name):
        """The object; `called` is the one that the gateway has made."""
        if name != "called":
            return self.get(RUNS.format(self.name) + "/" + name)
        (mine,) = [run for run in self.items(RUNS, "!modelrun.dev/sweep-uid") if run["metadata"]["name"] not in {*OVER, *GO_ON, "new"}]
        return mine

    def holds(self, run):
        """The files by which its model waits, if it executes."""
        return run.get("status", {}).get("phase") == "Running" and waiting(run["metadata"]["uid"])

    def let_go(self):
        """Whatever waits now."""
        for run in self.items(RUNS):
            for path in self.holds(run) or ():
                with contextlib.suppress(FileNotFoundError):  # the pod has ended
                    os.unlink(path)

    # ---- what has to hold afterwards; the order counts

    def what_went_on_was_not_over_yet(self):
        for name in GO_ON:
            status = self.run_named(name)["status"]
            assert status["phase"] not in FINAL, (name, status)
        same({name: self.run_named(name)["status"]["podUID"] for name in HOLDING}, self.pods_before)
        assert status_of(self, "sweeping")["phase"] not in FINAL

    def runs_that_are_over_stay_as_they_were(self):
        for name, status in self.before.items():
            now = status_of(self, "swept") if name == "swept" else self.status(name)
            same((name, now), (name, status))

    def the_call_at_the_gateway_finds_its_run_again(self):
        """It ends with its gateway; the same call of the same key gets what the run brings."""
        wait_for(self.call.ended, 60, "the call has ended with its gateway")
        run = self.run_named("called")
        same((self.call.error, self.call.answer and self.call.answer[0]), (None, 503))
        again = Call(self.call.token)
        self.let_go()
        wait_for(again.ended, 60, "the same call has its answer")
        assert again.answer, again.error
        same((again.answer[0], again.answer[1].get("status"), again.answer[1].get("run_id")), (200, "success", run["status"]["runID"]))

    def what_executed_ends_right_in_the_same_pod(self):
        self.let_go()
        for name in HOLDING:
            end = self.finish(self.run_named(name)["metadata"]["name"])
            expect(end, "Succeeded", "Succeeded")
            same((name, end["attempts"], end["podUID"], end["outputs"], end["stdout"]), (name, 1, self.pods_before[name], {"n": 1}, "before\nafter\n"))

    def a_run_that_waited_for_a_slot_gets_it(self):
        expect(self.finish("queued"), "Succeeded", "Succeeded")

    def a_suspended_run_is_resumed(self):
        same(self.status("suspended")["phase"], "Pending")
        self.patch_run("suspended", suspend=False)
        expect(self.finish("suspended"), "Succeeded", "Succeeded")

    def a_sweep_under_way_has_each_row_once(self):
        self.sweep_ends("sweeping")
        status = status_of(self, "sweeping")
        same((status["phase"], status["progress"]), ("Succeeded", f"{POINTS}/{POINTS}"))
        same([row["outputs"]["double"] for row in table_of(self, "sweeping")], [2 * i for i in range(POINTS)])
        same(len(status["runs"]), 3)

    def sweep_ends(self, name):
        def over():
            self.let_go()
            return status_of(self, name).get("phase") in FINAL

        wait_for(over, 90, f"the sweep {name} is over")
        same(status_of(self, name)["phase"], "Succeeded")

    def a_sandbox_that_stood_ready_is_replaced(self):
        """As the other release makes it differently: its agent is another image. A run then starts in the new one."""
        wait_for(lambda: [job["metadata"]["name"] for job in standbys(self)] not in ([], [self.standby_before]), 120, "another sandbox is there")
        await_pool(self, 1, "warm", 120)
        self.run("warmed", "warm")
        end = self.finish("warmed")
        expect(end, "Succeeded", "Succeeded")
        same(end["provenance"]["start"], "Warm")

    def a_new_run_is_executed(self):
        self.run("new")
        expect(self.finish("new"), "Succeeded", "Succeeded")

    def results_are_read(self, plugin):
        """Those of before, by the plugin of the other release."""
        command = [plugin, "--kubeconfig", self.cluster.kubeconfig, "output", "large", "-n", self.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        assert "39999" in text, text[-200:]
        same([row["outputs"]["double"] for row in table_of(self, "swept")], [2 * i for i in range(6)])

    def nothing_was_executed_twice(self):
        """By the audit log, which has each Job and each pod that was ever made here."""
        runs = self.items(RUNS)
        same({run["status"].get("attempts") for run in runs}, {1})
        used = [run["status"]["jobName"] for run in runs]
        same(twice(used), [])
        made = created(self.name)
        jobs = {job["name"]: job["labels"] for job in made["jobs"]}
        same(twice(job["name"] for job in made["jobs"]), [])
        pods = [pod["labels"]["batch.kubernetes.io/job-name"] for pod in made["pods"]]
        same((twice(pods), set(used) - set(pods)), ([], set()))
        same([name for name in pods if name not in used and STANDBY not in jobs[name]], [])


def waiting(run_id):
    """By which files models of that run wait, as this machine sees them."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/root/tmp/waiting"):
        process = path.split("/root/", maxsplit=1)[0]
        try:
            with open(process + "/environ", "rb") as file:
                mine = f"MODELRUN_RUN_ID={run_id}".encode() in file.read().split(b"\0")
            if mine:
                found[os.stat(path).st_dev] = path  # processes of one pod have the same one
        except OSError:
            continue  # it has ended
    return list(found.values())


def created(namespace):
    """The metadata of each Job and each pod that was ever created there, as they were asked for."""
    found = {"jobs": [], "pods": []}
    for event in audit_events():
        ref = event.get("objectRef", {})
        asked = event["verb"] == "create" and ref.get("namespace") == namespace and "subresource" not in ref and ref.get("resource") in found
        if asked and event["responseStatus"]["code"] == 201:
            found[ref["resource"]].append(event["requestObject"]["metadata"])
    return found


def twice(names):
    return [name for name, count in collections.Counter(names).items() if count > 1]
