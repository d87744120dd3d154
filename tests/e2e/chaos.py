"""A random but repeatable schedule of faults, while runs go through two projects; afterwards everything has to be right.

One seed gives one schedule: what is done when, and for how long. Which run or pod it meets depends on how far they are."""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time

from cases_faults import audit_events, object_name
from cluster import CONFIG_MAPS, FINAL, JOBS, OPERATOR_PODS, PODS, PROJECTS, ROOT, RUNS, ApiError, Cluster, reason_of, stays, wait_for
from disturb import LEASE, Door, all_ready, cut_off, leaders, lease_taken, operators, run_path, stopped
from harness import count, run_case, same

MODEL = """
import json, time
given = json.load(open('/inputs/parameters.json'))
print('begun', given['k'], flush=True)
time.sleep(given['seconds'])
result = {'k': given['k']}
"""
SLOTS = {"alpha": 3, "beta": 2}
SETTLED = 60  # seconds in which everything has to be right, once all is well again

# What may be done to the operators and their surroundings, how often, and for how long at most.
FAULTS = {"kill": (3, 4), "end": (2, 3), "replace": (2, 3), "stop": (2, 22), "cut": (3, 22), "take": (3, 6), "git": (2, 6), "kill all": (1, 4)}
# What may be done to runs, how often, and which ends that explains, beside success.
DEEDS = {
    "cancel": (3, {("Cancelled", "Cancelled")}),
    "suspend": (3, set()),
    "delete": (4, set()),
    "pod": (3, {("Failed", "PodDeleted")}),
    "job": (2, {("Failed", "JobDeleted")}),
}


def weighted(rng, table):
    return rng.choices(list(table), [entry[0] for entry in table.values()])[0]


def plan(seed, seconds, runs):
    """(faults, deeds, births): what happens to the operators, one after the other; what to runs, and when runs are created."""
    rng = random.Random(seed)
    faults, at = [], 3.0
    while at < seconds:
        kind = weighted(rng, FAULTS)
        lasts, pause = rng.uniform(1, FAULTS[kind][1]), rng.uniform(1, 8)
        faults.append((kind, lasts, pause))
        at += lasts + pause
    deeds = sorted((rng.uniform(4, seconds), weighted(rng, DEEDS), rng.random()) for _ in range(int(runs * 0.4)))
    births = sorted((rng.uniform(0, seconds * 0.8), f"r{k}", rng.choice(list(SLOTS)), rng.choice((0, 0.5, 1, 3))) for k in range(runs))
    return faults, deeds, births


class Chaos:
    def __init__(self, space, seed, seconds, runs):
        self.space, self.seconds = space, seconds
        self.faults, self.deeds, self.births = plan(seed, seconds, runs)
        self.begun = time.monotonic()
        self.over = threading.Event()
        self.done = {}  # run: what was done to it
        self.expected = {}  # run: its outputs
        self.resumes = []  # (when, run)
        self.lines = []

    def tell(self, line):
        self.lines.append(f"  {time.monotonic() - self.begun:6.1f} s  {line}")

    # ---- to the operators

    def leading(self):
        """(pod, process id) of the leader, or of any operator."""
        running = operators(self.space)
        holder = self.space.get(LEASE)["spec"].get("holderIdentity", "").rsplit("_", 1)[0]
        pod = holder if holder in running else next(iter(sorted(running)), None)
        return pod, running.get(pod)

    def disturb(self):
        for kind, lasts, pause in self.faults:
            if self.over.is_set():
                return
            with contextlib.suppress(ApiError, ProcessLookupError, subprocess.CalledProcessError, OSError):
                self.fault(kind, lasts)
            self.over.wait(pause)

    def fault(self, kind, lasts):
        pod, pid = self.leading()
        self.tell(f"{kind}, {lasts:.1f} s, {pod}")
        with contextlib.ExitStack() as stack:
            if kind == "git":
                self.door.shut()
                stack.callback(self.door.open)
            elif pid is None:
                return
            elif kind == "kill":
                os.kill(pid, signal.SIGKILL)
            elif kind == "kill all":
                for each in operators(self.space).values():
                    os.kill(each, signal.SIGKILL)
            elif kind == "end":
                os.kill(pid, signal.SIGTERM)
            elif kind == "replace":
                self.space.delete(OPERATOR_PODS.split("?", maxsplit=1)[0] + f"/{pod}?gracePeriodSeconds=0")
            elif kind == "stop":
                stack.enter_context(stopped(pid))
            elif kind == "take":
                stack.enter_context(lease_taken(self.space))
                for chance in (0.9, 0.6):  # what the next leader must not remember
                    self.act("delete", chance)
            elif kind == "cut":
                stack.enter_context(cut_off(pid))
            self.over.wait(lasts)

    # ---- to the runs

    def born(self, name, project, seconds):
        number = int(name[1:])
        self.expected[name], self.done[name] = {"k": number}, set()
        self.space.run(name, project=project, parameters={"k": number, "seconds": seconds})

    def act(self, deed, chance):
        space = self.space
        under_way = [r["metadata"]["name"] for r in space.items(RUNS) if r.get("status", {}).get("phase") not in FINAL]
        if deed in ("pod", "job"):
            objects = space.items(PODS if deed == "pod" else JOBS)
            names = {o["metadata"]["name"]: o["metadata"]["annotations"]["modelrun.dev/run"] for o in objects}
            choice = sorted((run, name) for name, run in names.items() if run in under_way)
        else:
            wanted = under_way or (list(self.done) if deed == "delete" else [])
            choice = [(run, run) for run in sorted(wanted) if "delete" not in self.done[run]]
        if not choice:
            return
        run, name = choice[int(chance * len(choice))]
        self.done[run].add(deed)
        self.tell(f"{deed} {name}")
        with contextlib.suppress(ApiError):
            if deed == "cancel":
                space.patch_run(run, cancel=True)
            elif deed == "suspend":
                self.resumes.append((time.monotonic() + 2 + 4 * chance, run))
                space.patch_run(run, suspend=True)
            elif deed == "delete":
                space.delete(run_path(space, run))
            else:
                space.delete(f"{(PODS if deed == 'pod' else JOBS).format(space.name)}/{name}?propagationPolicy=Background")

    def resume(self, everything=False):
        due = [run for when, run in self.resumes if everything or when <= time.monotonic()]
        self.resumes = [(when, run) for when, run in self.resumes if run not in due]
        for run in due:
            with contextlib.suppress(ApiError):
                self.space.patch_run(run, suspend=False)

    def live(self):
        """Creates the runs and does to them what is planned."""
        deeds, births = list(self.deeds), list(self.births)
        while (at := time.monotonic() - self.begun) < self.seconds or births:
            while births and births[0][0] <= at:
                self.born(*births.pop(0)[1:])
            while deeds and deeds[0][0] <= at:
                self.act(*deeds.pop(0)[1:])
            self.resume()
            self.over.wait(0.2)
        self.resume(everything=True)

    # ---- the whole

    def run(self):
        space = self.space
        url = space.repo({"run.py": MODEL})
        with Door((url.split("/")[2].split(":")[0], 8418)) as self.door:
            for project, slots in SLOTS.items():
                space.project(project, url=self.door.url(url), limits={"maxConcurrentRuns": slots}, history={"podSeconds": 3})
            disturber = threading.Thread(target=self.disturb)
            disturber.start()
            try:
                self.live()
            finally:
                self.over.set()
                disturber.join()
            self.tell("no more faults")
            try:
                self.check()
            finally:
                self.tell("the end")
                folder = os.path.join(ROOT, "build", "logs")
                os.makedirs(folder, exist_ok=True)
                with open(os.path.join(folder, f"{space.name}.log"), "w", encoding="utf-8") as log:
                    log.write("\n".join(self.lines) + "\n")
                print(f"  what was done when: {log.name}", flush=True)

    def check(self):
        wait_for(self.operators_well, 40, "both operators are ready, and one leads")
        well = time.monotonic()
        self.tell("all is well")
        self.settle()
        took = time.monotonic() - well
        print(f"  {len(self.done)} runs, {sum(map(bool, self.done.values()))} of them disturbed; right {took:.1f} s after all was well", flush=True)
        wait_for(lambda: not self.left(), 40, "nothing is left")
        before = self.versions()
        stays(lambda: self.versions() == before, 10, "nothing is written any more")
        self.look_back()

    def settle(self):
        try:
            wait_for(lambda: not self.wrong(), SETTLED, "all is right")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.wrong()[:5]}") from None

    def operators_well(self):
        """A container that the kubelet lets wait before it starts it again is replaced."""
        for pod in self.space.get(OPERATOR_PODS)["items"]:
            for status in pod["status"].get("containerStatuses", []):
                if status["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff":
                    with contextlib.suppress(ApiError):
                        self.space.delete(OPERATOR_PODS.split("?", maxsplit=1)[0] + "/" + pod["metadata"]["name"])
        return all_ready(self.space, 2) and len(leaders(self.space)) == 1

    def wrong(self):
        """What is not as it should be, a text each."""
        there = {run["metadata"]["name"]: run.get("status", {}) for run in self.space.items(RUNS)}
        found = []
        for name, done in self.done.items():
            status = there.get(name)
            if "delete" in done:
                if status is not None:
                    found.append(f"{name} is still there")
                continue
            if status is None:
                found.append(f"{name} is gone")
                continue
            end = (status.get("phase"), reason_of(status))
            allowed = {("Succeeded", "Succeeded")}.union(*(DEEDS[deed][1] for deed in done))
            if end not in allowed:
                found.append(f"{name} is {end} after {sorted(done)}: {status.get('message')}")
            elif end[0] == "Succeeded" and status.get("outputs") != self.expected[name]:
                found.append(f"{name} has the outputs {status.get('outputs')}")
            elif not done and status["attempts"] != 1:
                found.append(f"{name} has {status['attempts']} attempts, and nothing was done to it")
        return found

    def left(self):
        """Whether there is more than ended runs: Jobs, Pods, ConfigMaps, slots."""
        space = self.space
        maps = [m for m in space.items(CONFIG_MAPS) if m["metadata"]["name"] != "kube-root-ca.crt"]
        active = [run for project in space.items(PROJECTS) for run in project["status"].get("active", [])]
        return space.items(JOBS) or space.items(PODS) or maps or active

    def versions(self):
        objects = self.space.items(RUNS) + self.space.items(PROJECTS)
        return {o["metadata"]["uid"]: o["metadata"]["resourceVersion"] for o in objects}

    def look_back(self):
        """What the audit log says of the whole time."""
        numbers, finals, jobs, late = {}, {}, {}, []
        for event in audit_events():
            ref = event.get("objectRef", {})
            if ref.get("namespace") != self.space.name or event["responseStatus"]["code"] >= 300:
                continue
            body = event.get("requestObject") or {}
            if (event["verb"], ref["resource"]) == ("create", "jobs"):
                jobs.setdefault(object_name(event), []).append(event["requestReceivedTimestamp"])
            if event["verb"] != "update" or ref.get("subresource") != "status":
                continue
            status = body.get("status", {})
            if ref["resource"] == "modelprojects":
                used = len(status.get("active", []))
                assert used <= SLOTS[ref["name"]], f"{used} slots of {ref['name']} at {event['requestReceivedTimestamp']}"
                for run in status.get("active", []):
                    numbers.setdefault((ref["name"], run["number"]), set()).add(run["uid"])
            elif ref["resource"] == "modelruns":
                uid, text = body["metadata"]["uid"], settled(status)
                if uid in finals and finals[uid] != text:
                    late.append(f"{ref['name']}: {finals[uid]} became {text}")
                if status.get("phase") in FINAL:
                    finals.setdefault(uid, text)
        assert not late, f"final statuses that were changed: {late[:3]}"
        twice = {number: uids for number, uids in numbers.items() if len(uids) > 1}
        assert not twice, f"numbers that were given twice: {twice}"
        # A Job that somebody has deleted may be made again by an operator that has never seen it.
        again = {name: times for name, times in jobs.items() if len(times) > 1 and "job" not in self.done[name.split("-")[0]]}
        assert not again, f"Jobs that were made twice: {again}"
        given = [(run["spec"]["project"], run["status"]["runNumber"]) for run in self.space.items(RUNS) if "runNumber" in run["status"]]
        same(len(given), len(set(given)))


def settled(status):
    """A status without what may change after the end: which generation of the spec was seen."""
    conditions = [{k: v for k, v in c.items() if k != "observedGeneration"} for c in status.get("conditions", [])]
    return json.dumps({**status, "conditions": conditions, "observedGeneration": 0}, sort_keys=True)


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/e2e/run chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the schedule (default: the time)")
    parser.add_argument("--minutes", type=float, default=5, help="how long there are faults (default: 5)")
    parser.add_argument("--runs", type=int, default=100, help="how many there are in that time (default: 100)")
    options = parser.parse_args(arguments)
    name = f"chaos_of_seed_{options.seed}"
    return count([run_case(Cluster(), name, lambda space: Chaos(space, options.seed, options.minutes * 60, options.runs).run())])
