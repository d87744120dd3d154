"""Queues, slots and terms of leadership: who is deleted, who leads, and what is still done for whom."""

import time

from cases_faults import jobs_created, kill_operators
from cases_lifecycle import expect, project_with_sleeper, sleeping
from cluster import JOBS, PODS, PROJECTS, RUNS, ApiError, reason_of, stays, wait_for
from disturb import (
    Door,
    all_ready,
    held,
    leader,
    lease_taken,
    merge,
    operator_writes,
    restart_counts,
    run_path,
    scaled,
    version,
)
from harness import case, same


def queued(space, *names):
    for name in names:
        wait_for(lambda name=name: reason_of(space.status(name)) == "Queued", 30, f"{name} is queued")


def last_number(space):
    return space.get(PROJECTS.format(space.name) + "/models").get("status", {}).get("lastRunNumber", 0)


def deleted(space, name):
    """Asks for the run's end, which a finalizer delays; gives the resourceVersion from then on."""
    space.delete(run_path(space, name))
    assert "deletionTimestamp" in space.get(run_path(space, name))["metadata"], "held by its finalizer"
    return version(space, name)


@case
def queued_run_with_a_finalizer_is_deleted(space):
    """It leaves the queue, the next one gets the slot, and nothing is written into it or for it."""
    project_with_sleeper(space, limits={"maxConcurrentRuns": 1})
    sleeping(space, "first")
    space.wait_phase("first", ("Running",))
    space.run("gone", modelName="quick")
    queued(space, "gone")
    space.run("next", modelName="quick")
    queued(space, "next")
    with held(space, "gone"):
        before = deleted(space, "gone")
        writes = len(operator_writes(space.name, "gone"))
        stays(lambda: version(space, "gone") == before, 5, "nothing is written into a run that is being deleted")
        space.patch_run("first", cancel=True)
        end = space.finish("next")
        expect(end, "Succeeded", "Succeeded")
        same(end["runNumber"], 2)
        stays(lambda: version(space, "gone") == before and last_number(space) == 2, 5, "the queue is quiet")
        same(len(operator_writes(space.name, "gone")), writes)
        assert "runNumber" not in space.status("gone")
    wait_for(lambda: not space.exists(run_path(space, "gone")), 20, "it goes when its finalizer does")


@case
def running_run_with_a_finalizer_is_deleted(space):
    """Its Job and Pod go, its slot is free, and nothing is written into it."""
    project_with_sleeper(space, limits={"maxConcurrentRuns": 1})
    sleeping(space, "gone")
    job = space.wait_phase("gone", ("Running",))["jobName"]
    space.run("next", modelName="quick")
    queued(space, "next")
    with held(space, "gone"):
        before = deleted(space, "gone")
        wait_for(lambda: not space.exists(JOBS.format(space.name) + "/" + job), 30, "its Job is gone")
        expect(space.finish("next", 90), "Succeeded", "Succeeded")
        wait_for(lambda: not [p for p in space.items(PODS) if p["metadata"]["name"].startswith(job)], 60, "its Pod is gone")
        stays(lambda: version(space, "gone") == before, 3, "nothing is written into a run that is being deleted")
    wait_for(lambda: not space.exists(run_path(space, "gone")), 20, "it goes when its finalizer does")


@case(alone=True)
def leader_that_leads_again_knows_nothing_of_before(space):
    """What one process knew when its lease was taken, runs that are deleted meanwhile, takes no slot and no number later."""
    project_with_sleeper(space, limits={"maxConcurrentRuns": 1})
    with scaled(space, 1):
        pod = leader(space)
        before = restart_counts(space)
        sleeping(space, "first")
        space.wait_phase("first", ("Running",))
        space.run("b", modelName="quick")
        space.run("c", modelName="quick")
        queued(space, "b", "c")
        with lease_taken(space):
            for name in "bc":
                space.delete(run_path(space, name))
            wait_for(lambda: {r["metadata"]["name"] for r in space.items(RUNS)} == {"first"}, 20, "b and c are gone")
        same(leader(space), pod)
        stays(lambda: last_number(space) == 1, 5, "no number for runs that are gone")
        space.run("d", modelName="quick")
        queued(space, "d")
        space.patch_run("first", cancel=True)
        end = space.finish("d", 90)
        expect(end, "Succeeded", "Succeeded")
        same(end["runNumber"], 2)
        stays(lambda: last_number(space) == 2, 5, "no number for runs that are gone")
        same(restart_counts(space), before)


@case(alone=True)
def queued_for_longer_than_pending_seconds(space):
    """The wait for a slot is not a wait for the source: a new leader that cannot reach git for a while loses no queued run."""
    url = space.repo({"model/sleeper.py": "import time\ntime.sleep(600)\n", "model/quick.py": "result = {'n': 1}\n"})
    names = [f"q{i}" for i in range(3)]
    with Door((url.split("/")[2].split(":")[0], int(url.split("/")[2].split(":")[1]))) as door:
        space.project(url=door.url(url), limits={"maxConcurrentRuns": 1, "pendingSeconds": 20})
        sleeping(space, "first")
        space.wait_phase("first", ("Running",))
        begun = time.monotonic()
        for name in names:
            space.run(name, modelName="quick")
        queued(space, *names)
        wait_for(lambda: time.monotonic() > begun + 25, 30, "they have waited for longer than pendingSeconds")
        assert all(reason_of(space.status(name)) == "Queued" for name in names)
        door.shut()
        kill_operators()
        leader(space)
        wait_for(lambda: reason_of(space.status(names[0])) == "SourceUnreachable", 30, "the new leader cannot reach git")
        stays(lambda: all(space.status(name)["phase"] == "Pending" for name in names), 5, "they wait")
        door.open()
        space.patch_run("first", cancel=True)
        ends = [space.finish(name, 120) for name in names]
        assert all(end["phase"] == "Succeeded" and end["outputs"] == {"n": 1} for end in ends), ends
        same(sorted(end["runNumber"] for end in ends), [2, 3, 4])
    created = jobs_created(space.name)
    assert len(created) == len(set(created)) == 4, created
    wait_for(lambda: all_ready(space, 2), 120, "both operators are back")


@case
def history_that_is_set_later(space):
    """ttlSecondsAfterFinished and podSeconds hold for runs that were over before, too."""
    space.project()
    for name in ("tool", "applied"):
        space.run(name, labels={"modelrun.dev/created-by": "cli"} if name == "tool" else None)
    for name in ("tool", "applied"):
        space.finish(name)
    # Every change of a Job has the operator look at its run. What is to be seen is that the project's change does.
    wait_for(lambda: sum("completionTime" in job["status"] for job in space.items(JOBS)) == 2, 30, "both Jobs are complete")
    stays(lambda: len(space.items(JOBS)) == 2, 5, "the Jobs stay for five minutes")
    project = PROJECTS.format(space.name) + "/models"
    merge(space, project, {"spec": {"history": {"podSeconds": 1}}})
    wait_for(lambda: not space.items(JOBS), 20, "podSeconds: the Jobs are gone")
    wait_for(lambda: not space.items(PODS), 60, "the Pods are gone, too")
    stays(lambda: len(space.items(RUNS)) == 2, 3, "the runs stay for ever")
    merge(space, project, {"spec": {"history": {"ttlSecondsAfterFinished": 1}}})
    names = lambda: [r["metadata"]["name"] for r in space.items(RUNS)]  # noqa: E731
    wait_for(lambda: names() == ["applied"], 20, "ttlSecondsAfterFinished: the tool's run is gone")
    merge(space, project, {"spec": {"history": {"includeApplied": True}}})
    wait_for(lambda: not space.items(RUNS), 20, "includeApplied: the other one, too")


HUGE = 2**63 - 1
NONSENSE = {
    "job-without-project": {"phase": "Running", "jobName": "nowhere", "podName": "../../x", "podUID": "y", "attempts": 1},
    "waits-with-job": {"phase": "Pending", "jobName": "a/b/../c", "attempts": 2**31 - 1},
    "no-attempts": {"phase": "Running", "jobName": "x" * 300, "attempts": -5, "podName": "a?b=c&d#e", "podUID": "z"},
    "number": {"phase": "Pending", "runNumber": HUGE, "projectGeneration": -HUGE},
    "project-spec": {"phase": "Running", "jobName": "j", "attempts": 1, "projectUID": "no", "projectSpec": {"limits": [], "source": 5, "runtime": {"env": 1}}},
    "followed": {"phase": "Pending", "identity": "x" * 5000, "reusedFrom": {"name": "followed", "uid": "u", "runNumber": HUGE}},
    "times": {"phase": "Pending", "timeline": {"accepted": "0001-01-01T00:00:00Z", "resumed": "9999-12-31T23:59:59Z"}},
    "no-phase": {"jobName": "j2", "commitSHA": "not a commit", "branch": "--upload-pack=x", "podUID": "\u0000\u202e"},
}


@case(alone=True)
def nonsense_in_status(space):
    """Whatever somebody writes into a status: no operator restarts, and the other runs go on."""
    leader(space)
    before = restart_counts(space)
    space.project("models")
    space.project("held", suspend=True)
    taken = []
    for project in ("models", "held", "absent"):
        for name, status in NONSENSE.items():
            run = f"{project}-{name}"
            space.run(run, project=project, suspend=project == "models", reuse="Join" if name == "followed" else "Never")
            try:
                merge(space, run_path(space, run) + "/status", {"status": status})
                taken.append(run)
            except ApiError as error:
                assert error.status in (409, 422), error
    assert len(taken) >= len(NONSENSE), f"the API server takes most of them: {taken}"
    for name in taken:
        if name.startswith("models-"):
            space.patch_run(name, suspend=False)
    space.project("good")
    for i in range(3):
        space.run(f"good{i}", project="good")
    for i in range(3):
        expect(space.finish(f"good{i}"), "Succeeded", "Succeeded")
    space.run("beside", project="models")
    end = space.finish("beside", 90)
    expect(end, "Succeeded", "Succeeded")
    assert end["runNumber"] > 0, end["runNumber"]
    for name in taken:
        if reason_of(space.status(name)) not in ("Succeeded", "Cancelled"):
            space.patch_run(name, cancel=True)
    for name in taken:
        space.finish(name, 20)
    same(restart_counts(space), before)
