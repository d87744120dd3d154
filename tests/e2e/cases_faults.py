"""The operator killed, many runs at once, and what the audit log says of both."""

import json
import subprocess
import time

from cluster import JOBS, OPERATOR_PODS, PODS, hack, reason_of, wait_for
from harness import case


def audit_events():
    with open(hack("audit"), encoding="utf-8") as log:
        for line in log:
            if '"ResponseComplete"' in line and line.endswith("\n"):  # the last may be half written
                yield json.loads(line)


def jobs_created(namespace):
    """The name, with run uid and attempt, of every Job that was ever created there. A create that was cut off by its operator's
    end is told as a failure, though it may have been carried out: it counts when no other of this name succeeded."""
    created, cut = [], set()
    for event in audit_events():
        ref = event.get("objectRef", {})
        if event["verb"] != "create" or ref.get("resource") != "jobs" or ref.get("namespace") != namespace:
            continue
        name, code = object_name(event), event["responseStatus"]["code"]
        if code == 201:
            created.append(name)
        elif code >= 500 and name:
            cut.add(name)
    return created + sorted(cut - set(created))


def operator_pids():
    found = subprocess.run(["pgrep", "-f", "^/usr/bin/modelrun-operator "], capture_output=True, text=True, check=False)
    return found.stdout.split()


def kill_operators():
    """SIGKILL to every operator process of the node, once there is one; gives how many. The kubelet waits before it restarts them."""
    pids = wait_for(operator_pids, 120, "an operator to kill")
    subprocess.run(["kill", "-9", *pids], check=False)
    wait_for(lambda: not set(pids) & set(operator_pids()), 30, "the killed operators are gone")
    return len(pids)


@case(alone=True, since=(32, "the kubelet waits for minutes before it starts an operator again that was killed often"))
def operator_killed_again_and_again(space):
    source = "import time\ntime.sleep(1)\nresult = {'n': 1}\nprint('done')\n"
    space.project(files={"run.py": source})
    names = [f"r{i}" for i in range(10)]
    for name in names:
        space.run(name)
    told, killed = all_restarts(space), 0
    # From being resolved until all but the last are over.
    for running in (0, 0, 1, 2, 4, 6, 8, 9):
        wait_for(lambda: progressed(space, names) >= running, 120, f"{running} runs have come as far as Running")
        killed += kill_operators()
    ends = [space.finish(name, 180) for name in names]
    assert all(end["phase"] == "Succeeded" and end["outputs"] == {"n": 1} for end in ends), [reason_of(e) for e in ends]
    assert sorted(end["runNumber"] for end in ends) == sorted({end["runNumber"] for end in ends})
    created = jobs_created(space.name)
    assert len(created) == len(set(created)) == 10, created
    # The next case counts restarts, too.
    wait_for(lambda: all_restarts(space) >= told + killed, 120, "the kubelet has told of every kill")


def progressed(space, names):
    return sum(space.status(name).get("phase") in ("Running", "Succeeded") for name in names)


@case(alone=True)
def operator_asked_to_stop(space):
    """SIGTERM ends every operator within ten seconds, by itself and with code 0, whatever runs; the runs end right."""
    source = "import time\nprint('begun', flush=True)\ntime.sleep(3)\nresult = {'n': 1}\n"
    space.project(files={"run.py": source})
    space.run("running")
    space.wait_phase("running", ("Running",))
    space.run("new")
    before = restarts(space)
    pids = wait_for(lambda: len(found := operator_pids()) == len(before) and found, 120, "the operators of all pods")
    begun = time.monotonic()
    subprocess.run(["kill", "-TERM", *pids], check=True)
    wait_for(lambda: not set(pids) & set(operator_pids()), 10, "the operators have ended")
    print(f"  SIGTERM ended {len(pids)} operators in {time.monotonic() - begun:.1f} s", flush=True)
    after = wait_for(lambda: restarted(space, before), 60, "the kubelet has told of every operator's end")
    ends = [status["lastState"]["terminated"] for status in after.values()]
    assert len(ends) == len(pids) and all(end["exitCode"] == 0 for end in ends), ends
    for name in ("running", "new"):
        status = space.finish(name)
        assert status["phase"] == "Succeeded" and status["outputs"] == {"n": 1} and status["attempts"] == 1, status
        assert status["stdout"] == "begun\n", status
    created = jobs_created(space.name)
    assert len(created) == len(set(created)) == 2, created


def restarts(space):
    """The status of the operator's container, by pod."""
    pods = space.get(OPERATOR_PODS)["items"]
    return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0] for pod in pods}


def all_restarts(space):
    return sum(status["restartCount"] for status in restarts(space).values())


def restarted(space, before):
    """The same, once every pod has had one restart more."""
    now = restarts(space)
    return now if all(now[pod]["restartCount"] > status["restartCount"] for pod, status in before.items()) else None


@case
def network_policy_is_restored(space):
    """A policy that was edited, and one that is gone, are as they should be before the next run's Job."""
    space.project()
    space.run("first")
    space.finish("first")
    path = f"/apis/networking.k8s.io/v1/namespaces/{space.name}/networkpolicies/modelrun-sandbox"
    good, version = space.get(path)["spec"], space.get(path)["metadata"]["resourceVersion"]
    space.run("untouched")
    space.finish("untouched")
    assert space.get(path)["metadata"]["resourceVersion"] == version, "nothing to do, nothing written"
    edited = {"spec": {"egress": [{}], "policyTypes": ["Egress"]}}
    space.cluster.request("PATCH", path, edited, "application/merge-patch+json")
    space.run("second")
    space.finish("second")
    assert space.get(path)["spec"] == good
    space.delete(path)
    space.run("third")
    space.finish("third")
    assert space.get(path)["spec"] == good


@case
def quota_that_refuses_the_full_result(space):
    """The run ends with what fits into its status and says what was lost."""
    space.project(files={"run.py": "print('x' * 100_000)\nresult = {'n': 1}\n"})
    quota = {"metadata": {"name": "tight"}, "spec": {"hard": {"count/configmaps": "1"}}}
    space.post(f"/api/v1/namespaces/{space.name}/resourcequotas", quota)
    space.run("r")
    status = space.finish("r", 120)
    assert status["phase"] == "Succeeded" and status["outputs"] == {"n": 1}, status
    assert "resultRef" not in status and "exceeded quota" in status["warning"], status.get("warning")


@case
def quota_that_refuses_the_artifacts(space):
    """With onArtifactLoss: Fail the run fails, and what fits into its status is there."""
    source = "open('/outputs/a.csv', 'w').write('x')\nresult = {'n': 1}\n"
    space.project(files={"run.py": source}, limits={"onArtifactLoss": "Fail"})
    quota = {"metadata": {"name": "tight"}, "spec": {"hard": {"count/configmaps": "1"}}}
    space.post(f"/api/v1/namespaces/{space.name}/resourcequotas", quota)
    space.run("r")
    status = space.finish("r", 120)
    assert status["phase"] == "Failed" and status["error"]["reason"] == "ArtifactsLost", status
    assert "exceeded quota" in status["message"] and status["outputs"] == {"n": 1}, status


@case(alone=True, minutes="ten minutes")
def quiet_watch_of_ten_minutes(space):
    """After ten minutes without an event the watches still deliver."""
    space.project()
    space.run("before")
    space.finish("before")
    wait_for(lambda: not space.items(PODS), 400, "the first run's Pod is gone")
    quiet_until = time.monotonic() + 600
    wait_for(lambda: time.monotonic() > quiet_until, 700, "ten minutes")
    space.status("before")  # the test's own connection may be gone; a read makes another
    space.run("after")
    begun = time.monotonic()
    space.finish("after")
    print(f"  after ten quiet minutes: {time.monotonic() - begun:.1f} s", flush=True)


@case(alone=True)
def fifty_runs_at_once(space):
    space.project(files={"run.py": "import json\nresult = {'k': json.load(open('/inputs/parameters.json'))['k']}\n"})
    for i in range(50):
        space.run(f"r{i}", parameters={"k": i})
    for i in range(50):
        status = space.finish(f"r{i}", 400)
        assert status["phase"] == "Succeeded" and status["outputs"] == {"k": i}, (i, status.get("message"))
    created = jobs_created(space.name)
    assert len(created) == len(set(created)) == 50


@case(alone=True)
def few_writes_a_run(space):
    """Own API writes per run that reach etcd, without Events and TokenReviews: at most 6, 7 with parameters."""
    space.project(history={"podSeconds": 1})
    space.run("warm-up")
    space.finish("warm-up")
    for name, parameters in (("bare", None), ("with-parameters", {"a": 1})):
        space.run(name, **({"parameters": parameters} if parameters else {}))
        space.finish(name)
        wait_for(lambda: not [j for j in space.items(JOBS) if j["metadata"]["name"].startswith(name + "-")], 60, "compacted")
    wait_for(lambda: not space.items(PODS), 60, "Pods are gone")
    for name, most in (("bare", 6), ("with-parameters", 7)):
        writes = writes_of(space.name, name)
        print(f"  {name}: {len(writes)} writes: {', '.join(writes)}", flush=True)
        assert len(writes) <= most, writes


TOLD_WAITS = ("Resolving", "Queued", "Unschedulable")
SECONDS = len("2026-04-28T10:00:01")  # of a time in the audit log


def writes_of(namespace, run, job=None):
    """Writes of the operator for `run`; a project's status write counts when its request names the run last. A wait that has
    reached another second than the one in which the run was created is told, and does not count. `job`: the name of its Job, and of
    the ConfigMap beside it, where they are not called after the run."""
    writes, created = [], None
    for event in audit_events():
        ref = event.get("objectRef", {})
        if (event["verb"], ref.get("resource"), ref.get("namespace")) == ("create", "modelruns", namespace) and object_name(event) == run:
            created = event["requestReceivedTimestamp"][:SECONDS]
        mine = "modelrun-operator" in event["user"]["username"] and event["verb"] in ("create", "update", "patch", "delete")
        if not mine or ref.get("namespace") != namespace or event["responseStatus"]["code"] >= 300:
            continue
        if ref["resource"] == "modelprojects":
            active = event["requestObject"]["status"].get("active", [])
            if not active or active[-1]["name"] != run:
                continue
        elif object_name(event) not in (run, job) and not object_name(event).startswith(run + "-"):
            continue
        if ref["resource"] == "events":
            continue
        if ref["resource"] == "modelruns" and reason_of(event["requestObject"].get("status", {})) in TOLD_WAITS:
            if event["requestReceivedTimestamp"][:SECONDS] > created:
                continue
        sub = "/" + ref["subresource"] if "subresource" in ref else ""
        writes.append(f"{event['verb']} {ref['resource']}{sub}")
    return writes


def object_name(event):
    name = event["objectRef"].get("name")
    return name or event.get("requestObject", {}).get("metadata", {}).get("name", "")
