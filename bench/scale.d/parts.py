"""The parts of bench/scale. Each fills bench.data[PART] with raw data."""

import itertools
import json
import resource
import subprocess
import time

from plane import ROOT, Failed, Process, wait_for
from systems import SYSTEM, Direct, Git, Operator, Peer, settle
from tables import ms

PROJECTS = "/apis/modelrun.dev/v1alpha1/namespaces/{}/modelprojects"
RUNS = "/apis/modelrun.dev/v1alpha1/namespaces/{}/modelruns"


class Bench:
    def __init__(self, plane, given):
        self.plane, self.given = plane, given
        self.data = {}
        self.names = itertools.count()
        self.git = Git(plane)
        self.install_crds()
        plane.api.ensure("/api/v1/namespaces", {"metadata": {"name": SYSTEM}})
        self.spaces(1)

    def install_crds(self):
        for crd in ("modelruns", "modelprojects", "modelsweeps"):
            with open(f"{self.plane.folder}/log/kubectl.log", "ab") as log:
                subprocess.run([self.plane.kubenode, "kubectl", f"--kubeconfig={self.plane.kubeconfig}", "apply", "--server-side", "-f",
                                f"crds/{crd}.modelrun.dev.yaml"], check=True, stdout=log, stderr=log, cwd=ROOT)
        wait_for("the CRDs", 60, lambda: self.plane.api.request("GET", RUNS.format(SYSTEM)))

    def spaces(self, count):
        """The namespaces bench-0 ..., each with a project."""
        for number in range(count):
            name = f"bench-{number}"
            if self.plane.api.ensure("/api/v1/namespaces", {"metadata": {"name": name}}):
                self.plane.api.request("POST", PROJECTS.format(name), {
                    "apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelProject", "metadata": {"name": "models"},
                    "spec": {"source": {"git": {"url": self.git.url}}, "history": {"podSeconds": 1}}})
        for number in range(count):
            wait_for("a service account", 60, lambda name=f"bench-{number}": self.plane.api.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default"))

    def change_project(self, **spec):
        self.plane.api.request("PATCH", PROJECTS.format("bench-0") + "/models", {"spec": spec}, "application/merge-patch+json")

    def load_command(self, *args):
        return [f"{self.plane.programs}/load", f"-kubeconfig={self.plane.kubeconfig}", f"-prefix=r{next(self.names)}", *args]

    def load(self, *args, seconds=600):
        """Runs the load program to its end. Gives its report, with its processor time."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process = Process("load", self.load_command(*args), self.plane.log("load"), stdout=subprocess.PIPE)
        try:
            text, _ = process.popen.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"load {args} took longer than {seconds} s") from error
        finally:
            process.end()
        if process.popen.returncode != 0:
            raise Failed(f"load {args} failed: {process.tail()}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)  # of children that have ended: the rest of the bench's go on
        return dict(json.loads(text), loadCpu=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def sized(self, count):
        return max(int(count * self.given.size), 1)

    def clear(self):
        """Deletes all runs, between parts."""
        for number in itertools.count():
            try:
                self.plane.api.request("GET", f"/api/v1/namespaces/bench-{number}")
            except Exception:  # pylint: disable=broad-except  # the last one was the one before
                break
            self.plane.api.request("DELETE", RUNS.format(f"bench-{number}"))
        settle(self.plane)

    def systems(self):
        return [Operator(self.plane, self.given.workers), Peer(self.plane)]

    def measure(self, system, *args):
        """A turn of a system under load, which leaves nothing: the load's report, processor time of all, and what was asked of the API server."""
        with system:
            system.wait_leading()
            before, own, asked, stored = self.plane.cpu(), system.cpu(), self.plane.requests(), self.plane.stored()
            start = time.monotonic()
            report = self.load(*args, *(["-direct"] if isinstance(system, Direct) else []))
            settle(self.plane)
            system.check()
            after, made, kept = self.plane.cpu(), self.plane.requests(), self.plane.stored()
            report.update(system=system.name, cpu=system.cpu() - own, wall=time.monotonic() - start, memory=system.memory(),
                          planeCpu={name: after[name] - before[name] for name in after},
                          stored={key: kept[key] - stored[key] for key in kept},
                          requests={key: made[key] - asked.get(key, 0) for key in made if made[key] > asked.get(key, 0)})
        self.clear()
        return report


def line(report):
    ended = max(report["ended"], 1)
    print(f"  {report['system']:9} {report['endedInTime'] / report['seconds'] * 60:6.0f} runs a minute, {report['cpu'] / ended * 1000:6.2f} ms of its processor time"
          f" a run, {sum(report['planeCpu'].values()) / ended * 1000:6.1f} ms of the control plane's, {report['loadCpu'] / ended * 1000:.1f} ms of the load's; created -> Job p50 {ms(report['toJob'], .5)} p99"
          f" {ms(report['toJob'], .99)}; open {report['open']}, agents failed {report['agentsFailed']}", flush=True)


def in_turn(systems, turn):
    """So that each of them is the first as often as the others."""
    return systems[turn % len(systems):] + systems[:turn % len(systems)]


def rate(bench):
    rounds = bench.data.setdefault("rate", [])
    for turn in range(bench.given.rounds):
        for system in in_turn([*bench.systems(), Direct(bench.plane)], turn):
            rounds.append(bench.measure(system, "-queue=200", "-warm-up=10s", f"-for={bench.given.seconds}s", "-drain=180s"))
            line(rounds[-1])


def latency(bench):
    for pace in (10, 50):
        rounds = bench.data.setdefault("latency", {}).setdefault(str(pace), [])
        for turn in range(1 if bench.given.short else bench.given.rounds):
            for system in in_turn(bench.systems(), turn):
                rounds.append(bench.measure(system, f"-rate={pace}", "-warm-up=2s", f"-for={bench.given.seconds}s", "-drain=120s"))
                line(rounds[-1])


def start_of(bench, system):
    """Starts the system where a run waits: seconds until it leads, until the run has its Job, and memory then."""
    name = f"first-{next(bench.names)}"
    bench.plane.api.request("POST", RUNS.format("bench-0"), {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRun", "metadata": {"name": name},
                                                             "spec": {"project": "models", "scope": "project"}})
    begun = time.monotonic()
    with system:
        system.wait_leading()
        leads = time.monotonic() - begun
        wait_for("the first Job", 300, lambda: bench.plane.api.count("/apis/batch/v1/namespaces/bench-0/jobs") > 0)
        job, cpu = time.monotonic() - begun, system.cpu()
        at_first = system.memory()
        # What a collection of garbage, or the giving back of memory, makes of it.
        time.sleep(35)
        settled, own = system.memory(), system.cpu()
        bench.plane.api.request("DELETE", RUNS.format("bench-0") + "/" + name)
        settle(bench.plane)
    return {"system": system.name, "leads": leads, "firstJob": job, "cpuToJob": cpu, "cpuAfter": own, "memory": at_first, "settled": settled}


def finished(bench):
    there = 0
    for count in bench.given.finished:
        if count > there:
            bench.load("-seed", f"-count={count - there}", seconds=3600)
            there = count
        rows = bench.data.setdefault("finished", {}).setdefault(str(count), [])
        for system in bench.systems():
            rows.append(start_of(bench, system))
            row = rows[-1]
            print(f"  {count:6} finished runs, {row['system']:9} leads after {row['leads']:.2f} s, first Job after {row['firstJob']:.2f} s and {row['cpuToJob']:.2f} s of"
                  f" its processor time; {row['settled'][0] / 2**20:.1f} MiB resident, {row['settled'][1] / 2**20:.1f} at most", flush=True)
    bench.clear()


def growth(bench):
    rows = bench.data.setdefault("growth", {})
    for count in map(bench.sized, [1000, 5000] + ([] if bench.given.short else [20000])):
        for system in bench.systems():
            report = active(bench, system, count)
            rows.setdefault(f"active {count}", []).append(report)
            print(f"  {count:6} active, {system.name:9} after {report['wall']:.1f} s, {report['cpu']:.1f} s of its processor time, {report['memory'][0] / 2**20:.1f} MiB;"
                  f" {report['idleCpu'] * 1000:.0f} ms of processor time a second while nothing happens", flush=True)
    for count in map(bench.sized, [1000, 10000]):
        for system in bench.systems():
            report = queued(bench, system, count)
            rows.setdefault(f"queued {count}", []).append(report)
            print(f"  {count:6} queued, {system.name:9} {report['cpu']:.1f} s of its processor time to take them in, {report['memory'][0] / 2**20:.1f} MiB;"
                  f" {report['idleCpu'] * 1000:.0f} ms of processor time a second while they wait", flush=True)


def idle_cpu(system, seconds=20):
    before = system.cpu()
    time.sleep(seconds)
    return (system.cpu() - before) / seconds


def active(bench, system, count):
    with system:
        system.wait_leading()
        start = time.monotonic()
        report = bench.load(f"-count={count}", "-hold", "-queue=0", "-for=900s", "-drain=900s", seconds=1900)
        report.update(system=system.name, wall=time.monotonic() - start, cpu=system.cpu(), memory=system.memory(), idleCpu=idle_cpu(system))
        bench.clear()
    return report


def queued(bench, system, count):
    """`count` runs behind one slot, which a run that goes on holds."""
    bench.change_project(limits={"maxConcurrentRuns": 1})
    try:
        with system:
            system.wait_leading()
            bench.load("-count=1", "-hold", "-for=60s")
            before = system.cpu()
            report = bench.load(f"-count={count}", "-queue=0", "-for=900s", "-drain=1ms", seconds=1000)
            wait_for("the system to be quiet", 600, lambda: idle_cpu(system, 2) < 0.1)
            report.update(system=system.name, cpu=system.cpu() - before, memory=system.memory(), idleCpu=idle_cpu(system, 35))
            bench.clear()
        return report
    finally:
        bench.change_project(limits=None)


def fair(bench):
    count, flood = max(bench.sized(200), 3), bench.sized(2000)
    bench.spaces(count)
    rows = bench.data.setdefault("fair", [])
    for system in bench.systems():
        report = bench.measure(system, f"-namespaces={count}", f"-flood={flood}", "-queue=0", f"-count={flood + count - 1}", "-for=300s", "-drain=300s")
        rows.append(report)
        many, few = report["namespaces"]["bench-0"]["toJob"], [ms for name, of in report["namespaces"].items() if name != "bench-0" for ms in of["toJob"]]
        print(f"  {system.name:9} the namespace with {flood}: p50 {ms(many, .5)} p99 {ms(many, .99)}; the others, with one each: p50 {ms(few, .5)} p99 {ms(few, .99)}", flush=True)


PARTS = {"rate": rate, "latency": latency, "finished": finished, "growth": growth, "fair": fair}
