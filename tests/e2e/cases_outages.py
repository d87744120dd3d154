"""Leaders that stand still, and an API server that does: nothing is lost, and nothing is done twice."""

import os
import signal
import time

from cases_faults import jobs_created
from cluster import OPERATOR_PODS, hack, reason_of, stays, wait_for
from disturb import all_ready, cut_off, leader, leaders, operators, ports_in_use, restart_counts, stopped
from harness import case

MODEL = "import json, time\ntime.sleep(2)\nresult = {'k': json.load(open('/inputs/parameters.json'))['k']}\nprint('done')\n"
SECRET = "/api/v1/namespaces/modelrun-system/secrets/modelrun-run-server-tls"


def begin(space, names, first=0):
    for k, name in enumerate(names, first):
        space.run(name, parameters={"k": k})


def eight_under_way(space):
    """The names of eight runs in three slots, of which one runs at least."""
    space.project(files={"run.py": MODEL}, limits={"maxConcurrentRuns": 3})
    names = [f"r{i}" for i in range(8)]
    begin(space, names)
    wait_for(lambda: any(space.status(name).get("phase") == "Running" for name in names), 60, "the first ones run")
    return names


def check(space, names):
    """All of them have succeeded with their own outputs, in one attempt and one Job each."""
    for k, name in enumerate(names):
        status = space.finish(name, 120)
        assert status["phase"] == "Succeeded" and status["outputs"] == {"k": k}, (name, reason_of(status), status.get("message"))
        assert status["attempts"] == 1 and status["stdout"] == "done\n", status
    created = jobs_created(space.name)
    assert len(created) == len(set(created)) == len(names), created


@case(alone=True)
def leader_that_stands_still(space):
    """SIGSTOP for longer than its lease: another leads, and the first does nothing of its own when it goes on."""
    space.project(files={"run.py": MODEL}, limits={"maxConcurrentRuns": 3})
    first = leader(space)
    names = [f"r{i}" for i in range(8)]
    with stopped(operators(space)[first]):
        begin(space, names[:4])
        wait_for(lambda: (now := leaders(space)) and first not in now, 60, "another operator leads")
        begin(space, names[4:], first=4)
    wait_for(lambda: len(leaders(space)) == 1, 30, "one of the two leads")
    check(space, names)
    stays(lambda: len(leaders(space)) == 1, 3, "one operator leads")
    wait_for(lambda: all_ready(space, 2), 120, "both operators are ready")


@case(alone=True)
def leader_that_is_cut_off(space):
    """No packet between the leader and the API server until another leads; pods still reach the first one's run server."""
    first = leader(space)
    names = eight_under_way(space)
    with cut_off(operators(space)[first]):
        wait_for(lambda: (now := leaders(space)) and first not in now, 60, "another operator leads")
    check(space, names)
    wait_for(lambda: all_ready(space, 2) and len(leaders(space)) == 1, 120, "both operators are ready")


@case(alone=True)
def leader_that_is_deleted(space):
    """Its pod, asked to end and then at once: another operator leads, and every run ends right. How long that took is printed."""
    names = eight_under_way(space)
    for grace in (30, 0):
        first = leader(space)
        space.delete(f"/api/v1/namespaces/modelrun-system/pods/{first}?gracePeriodSeconds={grace}")
        begun = time.monotonic()
        wait_for(lambda first=first: (now := leaders(space)) and first not in now, 60, "another operator leads")
        print(f"  another operator leads {time.monotonic() - begun:.1f} s after the deletion with {grace} s of grace", flush=True)
        wait_for(lambda: all_ready(space, 2), 120, "both operators are ready")
    check(space, names)


@case(alone=True, minutes="a minute")
def authority_of_the_run_server_that_is_lost(space):
    """Its Secret is deleted and the operators are replaced: a model that executes is not disturbed, and its result comes from its agent's log."""
    space.project(files={"run.py": "import time\ntime.sleep(40)\nresult = {'k': 1}\n", "model/quick.py": "result = {'k': 2}\n"})
    space.run("old")
    pod = space.wait_phase("old", ("Running",))["podName"]
    authority = space.get(SECRET)["data"]["ca.crt"]
    space.delete(SECRET)
    for each in space.get(OPERATOR_PODS)["items"]:
        space.delete(f"/api/v1/namespaces/modelrun-system/pods/{each['metadata']['name']}")
    wait_for(lambda: all_ready(space, 2), 120, "two other operators")
    assert space.get(SECRET)["data"]["ca.crt"] != authority
    assert space.status("old")["phase"] == "Running", "the model has ended too early for this case"
    space.run("new", modelName="quick")
    status = space.finish("new")
    assert (status["phase"], status["outputs"]) == ("Succeeded", {"k": 2}), status
    status = space.finish("old", 120)
    assert (status["phase"], status["outputs"], status["attempts"], status["podName"]) == ("Succeeded", {"k": 1}, 1, pod), status


@case(alone=True, minutes="a minute and a half")
def api_server_that_stands_still(space):
    """A minute without an answer, in which models end: each result comes in afterwards."""
    names = eight_under_way(space)
    with stopped(int(hack("pid", "kube-apiserver"))):
        until = time.monotonic() + 60
        wait_for(lambda: time.monotonic() > until, 61, "a minute")
    check(space, names)
    wait_for(lambda: all_ready(space, 2), 120, "both operators are ready")


@case(alone=True, minutes="eleven minutes")
def api_server_that_is_away(space):
    """For ten minutes, in which models end and their agents give up handing in: each result comes from its agent's log."""
    names = eight_under_way(space)
    before = restart_counts(space)
    os.kill(int(hack("pid", "kube-apiserver")), signal.SIGKILL)
    until = time.monotonic() + 600
    wait_for(lambda: time.monotonic() > until, 601, "ten minutes")
    hack("up")
    check(space, names)
    wait_for(lambda: all_ready(space, 2), 120, "both operators are ready")
    assert restart_counts(space) == before, f"{before} became {restart_counts(space)}"


@case(alone=True, minutes="a minute and a half")
def etcd_that_ends(space):
    """etcd and the API server are killed and started again twenty seconds later."""
    names = eight_under_way(space)
    for component in ("etcd", "kube-apiserver"):
        os.kill(int(hack("pid", component)), signal.SIGKILL)
    until = time.monotonic() + 20
    wait_for(lambda: time.monotonic() > until, 21, "twenty seconds")
    hack("up")
    check(space, names)
    wait_for(lambda: all_ready(space, 2), 120, "both operators are ready")


@case(alone=True, minutes="four minutes")
def watches_that_are_half_open(space):
    """No packet of the connections that the leader has comes through any more, while new ones work: within minutes it sees again."""
    space.project(files={"run.py": MODEL})
    first = leader(space)
    pid = operators(space)[first]
    with cut_off(pid, ports_in_use(pid)):
        begin(space, ["r0"])
        check(space, ["r0"])
    wait_for(lambda: all_ready(space, 2), 60, "both operators are ready")
