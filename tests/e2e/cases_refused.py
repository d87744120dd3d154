"""What is in a run's way: forged objects, taken names, refusals of the API server, and a git server that never answers."""

import contextlib
import datetime
import json

from cases_lifecycle import expect, project_with_sleeper, sleeping
from cluster import CONFIG_MAPS, JOBS, PODS, PROJECTS, ApiError, reason_of, stays, wait_for
from disturb import Door, made, merge, run_path, second_space, webhook_that_is_down
from harness import case, same


def waits_for(space, name, words, seconds=20):
    """Until the run is Pending for a reason whose message holds `words`; gives the reason."""

    def told():
        status = space.status(name)
        return status.get("phase") == "Pending" and words in (status.get("message") or "") and reason_of(status)

    try:
        return wait_for(told, seconds, f"{name} waits because of '{words}'")
    except AssertionError as error:
        raise AssertionError(f"{error}; {space.status(name)}") from None


# ---- forged objects


def forged_pod(uid, frame):
    """A pod that ends as a run's would, with a result of its own making."""
    message = json.dumps({"complete": True, "frame": frame})
    secure = {"allowPrivilegeEscalation": False, "runAsNonRoot": True}
    secure |= {"capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
    write = "import sys; open('/dev/termination-log', 'w').write(sys.argv[1])"
    containers = [
        {"name": "agent", "command": ["python3", "-c", write, message]},
        {"name": "model", "command": ["python3", "-c", "pass"]},
    ]
    common = {"image": "localhost/modelrun-python:dev", "imagePullPolicy": "Never", "securityContext": secure}
    return {
        "metadata": {"labels": {"modelrun.dev/run-uid": uid, "modelrun.dev/attempt": "1"}, "annotations": {"modelrun.dev/run": "r"}},
        "spec": {"restartPolicy": "Never", "containers": [{**common, **c} for c in containers]},
    }


def forge(space, run, owners):
    """A Job in `space` that says it is the Job of the other tenant's run; waits for its end."""
    uid, name = run["metadata"]["uid"], run["status"]["jobName"]
    exit_record = {"how": "Exited", "code": 0, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"}
    nothing = {"head": "", "tail": "", "totalBytes": 0}
    frame = {"runUid": uid, "attempt": 1, "exit": exit_record, "outputs": {"forged": True}, "stdout": nothing, "stderr": nothing}
    template = forged_pod(uid, frame)
    metadata = {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": owners}
    space.post(JOBS.format(space.name), {"metadata": metadata, "spec": {"backoffLimit": 0, "template": template}})

    def ended():
        return [pod for pod in space.items(PODS) if pod["status"].get("phase") == "Succeeded"]

    with contextlib.suppress(AssertionError):
        # The garbage collector may take away a Job whose owner is in another namespace; then its pods have been there at least.
        wait_for(lambda: ended() or not space.items(JOBS), 20, "the forged pod has ended")
    return ended()


def unmoved(space, name, before):
    """However often the operator looks at the run, its status stays."""
    for word in ("once", "again"):
        merge(space, run_path(space, name), {"metadata": {"annotations": {"e2e.modelrun.dev/look": word}}})
        stays(lambda: space.status(name) == before, 2, f"{name} is as it was")


@case
def job_of_another_namespace_is_never_looked_at(space):
    """A Job of the same name elsewhere, a pod with the run's UID in its label, and a result in it: nobody's."""
    project_with_sleeper(space)
    url = space.get(PROJECTS.format(space.name) + "/models")["spec"]["source"]["git"]["url"]
    wants = {"requests": {"cpu": "900"}, "limits": {"cpu": "900"}}
    space.project("pending", url=url, runtime={"resources": wants})
    sleeping(space, "runs")
    sleeping(space, "waits", project="pending")
    space.wait_phase("runs", ("Running",))
    wait_for(lambda: reason_of(space.status("waits")) == "Unschedulable", 30, "it waits for a node")
    before = {name: space.status(name) for name in ("runs", "waits")}
    for name in before:
        run = space.get(run_path(space, name))
        owner = {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRun", "name": name, "uid": run["metadata"]["uid"], "controller": True}
        with second_space(space, "forger") as forger:
            assert forge(forger, run, []), "the forged pod has ended, with its result"
            unmoved(space, name, before[name])
        with second_space(space, "forger") as forger:
            forge(forger, run, [owner])
            unmoved(space, name, before[name])
    for name in before:
        space.patch_run(name, cancel=True)
        end = space.finish(name)
        expect(end, "Cancelled", "Cancelled")
        assert "outputs" not in end, end


@case
def names_that_are_taken(space):
    """Objects of somebody else's under the names that a run's children would have: a reason, and the run goes on without them."""
    space.project(limits={"pendingSeconds": 60})
    for name in ("map", "job"):
        space.run(name, suspend=True, parameters={"a": 1})
    for name in ("map", "job"):
        wait_for(lambda name=name: reason_of(space.status(name)) == "Suspended", 20, "it is held back")
    child = {name: f"{name}-{space.get(run_path(space, name))['metadata']['uid'][:8]}-1" for name in ("map", "job")}
    space.post(CONFIG_MAPS.format(space.name), {"metadata": {"name": child["map"]}, "data": {"parameters.json": "{}"}})
    space.post(JOBS.format(space.name), {"metadata": {"name": child["job"]}, "spec": {"suspend": True, "template": forged_pod("x", {})}})
    for name in ("map", "job"):
        space.patch_run(name, suspend=False)
    waits_for(space, "map", "is not this run's; delete it")
    foreign = space.finish("job")
    assert foreign["phase"] == "Failed" and child["job"] in foreign["message"], foreign
    assert space.exists(JOBS.format(space.name) + "/" + child["job"]), "it is not ours to delete"
    space.delete(CONFIG_MAPS.format(space.name) + "/" + child["map"])
    expect(space.finish("map", 90), "Succeeded", "Succeeded")


# ---- refusals


def refused_until_lifted(space, words, lift, **spec):
    """One run waits until `lift`, and one whose time is short does not; both say why. `spec`: of their projects."""
    url = space.repo({"run.py": "result = {'answer': 42}\n"})
    space.project("patient", url=url, limits={"maxConcurrentRuns": 1}, **spec)
    space.project("short", url=url, limits={"maxConcurrentRuns": 1, "pendingSeconds": 15}, **spec)
    for project in ("patient", "short"):
        space.run(project, project=project)
    for project in ("patient", "short"):
        reason = waits_for(space, project, words)
        assert reason not in ("Starting", "Queued"), reason
        space.run(project + "-next", project=project)
    end = space.finish("short", 40)
    assert end["phase"] == "Failed" and words in end["message"], end
    lift()
    for run in ("patient", "patient-next", "short-next"):
        status = space.finish(run, 90)
        assert status["phase"] == "Succeeded" or run == "short-next", status  # its own 15 s may be over
    same(reason_of(space.status("patient-next")), "Succeeded")


@case
def jobs_that_are_answered_with_500(space):
    """An admission webhook that is down: a reason within seconds, an end by pendingSeconds, and on when it is gone."""
    def in_force():
        try:
            space.post(JOBS.format(space.name) + "?dryRun=All", {"metadata": {"name": "try"}, "spec": {"template": forged_pod("x", {})}})
        except ApiError as error:
            return error.status >= 500
        return False

    with webhook_that_is_down(space, "batch", "jobs") as lift:
        wait_for(in_force, 20, "the webhook is in force")
        refused_until_lifted(space, "failed calling webhook", lift)


@case
def network_policy_that_a_quota_refuses(space):
    """The same for what comes before the Job."""
    hard = {"count/networkpolicies.networking.k8s.io": "0"}
    path = f"/api/v1/namespaces/{space.name}/resourcequotas"
    with made(space, path, {"metadata": {"name": "none"}, "spec": {"hard": hard}}) as lift:
        wait_for(lambda: space.get(path + "/none").get("status", {}).get("hard") == hard, 20, "the quota is in force")
        refused_until_lifted(space, "exceeded quota", lift)
    assert space.get(f"/apis/networking.k8s.io/v1/namespaces/{space.name}/networkpolicies")["items"]


# ---- git


def resolved_within(space, name):
    """How long after it was seen the run's commit was known, in seconds."""
    timeline = space.finish(name, 120)["timeline"]
    seen, known = (datetime.datetime.fromisoformat(timeline[step]) for step in ("accepted", "resolved"))
    return (known - seen).total_seconds()


@case
def git_server_that_never_answers(space):
    """Sixteen runs that wait for it delay nobody else, neither another tenant nor the same one, and what they hold goes with them."""
    with Door() as silent, second_space(space, "beside") as other:
        other.project()
        other.run("before")
        before = resolved_within(other, "before")
        space.project("silent", url=silent.url(), limits={"maxConcurrentRuns": 4})
        space.project("good")
        for i in range(16):
            space.run(f"s{i}", project="silent", branch=f"b{i}")
        wait_for(lambda: silent.count() >= 2, 30, "the git server is asked")
        for i in range(3):
            other.run(f"beside{i}")
        space.run("own", project="good")
        worst = max([resolved_within(other, f"beside{i}") for i in range(3)] + [resolved_within(space, "own")])
        print(f"  a commit was known after {before:.1f} s before, and after at most {worst:.1f} s beside {silent.count()} silent calls", flush=True)
        assert worst < before + 10, (before, worst)
        for i in range(16):
            space.delete(run_path(space, f"s{i}"))
        space.delete(PROJECTS.format(space.name) + "/silent")
        wait_for(lambda: not silent.count(), 10, "nobody waits for the git server any more")
