"""Runs that wait for quota: what they say, which clocks run, and how they are cancelled, deleted and counted."""

import json

from cases_cli import modelrun
from cases_lifecycle import expect
from cases_sweeps import finish as finish_sweep
from cases_warm import condition, standbys
from cluster import JOBS, PROJECTS, RUNS, reason_of, stays, wait_for
from harness import case
from kueue import away
from queues import ONE, QUEUE, begun, job_of, project, queue, stays_at, sweep, waits, workloads


@case
def a_run_waits_for_quota_and_says_so(space):
    queue(space, "team-a", ONE)
    project(space, queue_name="team-a")
    space.run("first", parameters={"seconds": 6})
    begun(space, "first")
    space.run("second")
    status = waits(space, "second")
    assert status["phase"] == "Pending" and "waits in the queue team-a" in status["message"], status
    assert job_of(space, "second")["spec"]["suspend"] is True
    said, _ = modelrun(space, "describe", "second")
    assert "JobSuspended" in said and "kubectl describe workloads" in said, said
    ends = [space.finish(name) for name in ("first", "second")]
    for end in ends:
        expect(end, "Succeeded", "Succeeded")
        assert (end["outputs"]["answer"], end["attempts"]) == (42, 1), end
    times = ends[1]["timeline"]
    assert times["jobCreated"] < times["jobResumed"] < times["started"], times
    assert times["jobResumed"] >= ends[0]["timeline"]["finished"][:19], (times, ends[0]["timeline"])


@case
def no_clock_runs_in_the_queue(space):
    """The second one waits for longer than limits.pendingSeconds and its time-out together."""
    queue(space, "team-a", ONE)
    project(space, queue_name="team-a", limits={"pendingSeconds": 10})
    space.run("first", parameters={"seconds": 20}, timeoutSeconds=60)
    begun(space, "first")
    space.run("second", parameters={"seconds": 1}, timeoutSeconds=5)
    waits(space, "second")
    expect(space.finish("first"), "Succeeded", "Succeeded")
    end = space.finish("second")
    expect(end, "Succeeded", "Succeeded")
    assert end["durationSeconds"] < 5, end


@case
def runs_in_the_queue_are_cancelled_and_deleted(space):
    queue(space, "closed", "0")
    project(space, queue_name="closed")
    for name in ("cancelled", "deleted", "held"):
        space.run(name)
    for name in ("cancelled", "deleted", "held"):
        waits(space, name)
    wait_for(lambda: len(workloads(space)) == 3, 20, "each has its workload")
    space.patch_run("cancelled", cancel=True)
    expect(space.finish("cancelled", 10), "Cancelled", "Cancelled")
    space.delete(RUNS.format(space.name) + "/deleted")
    space.patch_run("held", suspend=True)
    waits(space, "held", "Suspended")
    wait_for(lambda: not space.items(JOBS), 20, "no Job is left")
    wait_for(lambda: not workloads(space), 20, "nothing is left in the queue")
    space.patch_run("held", suspend=False)
    assert waits(space, "held")["attempts"] == 2, "it queues anew"


@case
def a_slot_is_not_held_for_ever(space):
    """A queue that is not there, in a project that lets one run go on at a time."""
    queue(space, "team-a", ONE)
    project(space, limits={"maxConcurrentRuns": 1, "queueSeconds": 10})
    space.run("lost", labels={QUEUE: "no-such-queue"})
    waits(space, "lost")
    space.run("next", labels={QUEUE: "team-a"})
    end = space.finish("lost")
    expect(end, "Failed", "PendingTimeout")
    assert "no-such-queue" in end["message"] and "limits.queueSeconds" in end["message"], end
    # The next run began to wait for its slot when the first one did for its queue, and has the same bound.
    assert space.finish("next")["phase"] in ("Succeeded", "Failed")
    space.run("then", labels={QUEUE: "team-a"})
    expect(space.finish("then"), "Succeeded", "Succeeded")


@case
def runs_without_the_label_are_not_touched(space):
    queue(space, "team-a", "0")
    project(space)
    project(space, "queued", queue_name="team-a")
    space.run("free")
    space.run("own-label", labels={QUEUE: "team-a"})
    space.run("of-project", project="queued")
    expect(space.finish("free"), "Succeeded", "Succeeded")
    waits(space, "own-label")
    waits(space, "of-project")
    assert len(workloads(space)) == 2
    stays(lambda: stays_at(space, "own-label", "JobSuspended"), 2, "it waits")


@case
def a_sweep_has_the_quota_of_its_queue(space):
    queue(space, "team-a", ONE)
    project(space)
    sweep(space, "s", 8, {"seconds": 0.5}, labels={QUEUE: "team-a"}, parallelism=4)
    most = [0]

    def at_work():
        active = [job for job in space.items(JOBS) if not job["spec"].get("suspend") and not job["status"].get("completionTime")]
        most[0] = max(most[0], len(active))
        status = space.get(f"/apis/modelrun.dev/v1alpha1/namespaces/{space.name}/modelsweeps/s").get("status", {})
        return status.get("phase") in ("Succeeded", "Failed", "Cancelled")

    wait_for(at_work, 120, "the sweep is over")
    end = finish_sweep(space, "s")
    assert end["phase"] == "Succeeded", end
    assert len(space.items(RUNS)) == 4 and most[0] == 1, (len(space.items(RUNS)), most)
    assert end["points"]["succeeded"] == 8, end


@case
def sandboxes_that_stand_ready_have_quota(space):
    """The label is the project's. A standby is in the quota from its beginning, so that the run which adopts it is, too."""
    queue(space, "team-a", ONE)
    project(space, queue_name="team-a", warm={"sandboxes": 1})

    def ready():
        return space.get(PROJECTS.format(space.name) + "/models").get("status", {}).get("warm", {}).get("ready") == 1

    wait_for(ready, 90, "the sandbox is ready")
    space.run("warm", parameters={"seconds": 8})
    assert begun(space, "warm")["provenance"]["start"] == "Warm"
    # The next one has no quota as long as the run has it.
    wait_for(lambda: [job for job in standbys(space) if job["spec"].get("suspend")], 30, "the next sandbox is queued")
    wait_for(lambda: "waits in the queue team-a" in condition(space).get("message", ""), 30, "the condition says so")
    expect(space.finish("warm"), "Succeeded", "Succeeded")
    wait_for(ready, 90, "the next sandbox is ready")


@case(alone=True)
def kueue_goes_away(space):
    """Its webhooks are asked for every Job, and nobody answers."""
    queue(space, "team-a", ONE)
    project(space, queue_name="team-a")
    space.run("early", parameters={"seconds": 15})
    begun(space, "early")
    space.run("waits")
    waits(space, "waits")
    with away():
        space.run("late")
        status = waits(space, "late", "Unschedulable")
        assert "webhook" in status["message"], status
        expect(space.finish("early"), "Succeeded", "Succeeded")
        stays(lambda: stays_at(space, "waits", "JobSuspended"), 2, "nobody gives it quota")
    for name in ("waits", "late"):
        end = space.finish(name, 90)
        expect(end, "Succeeded", "Succeeded")
        assert end["attempts"] == 1, json.dumps(end)[:800]
    assert reason_of(space.status("late")) == "Succeeded"
