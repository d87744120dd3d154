"""Models whose quota somebody else gets: another attempt, once there is quota again, and one result."""

import uuid

from cases_faults import kill_operators
from cases_lifecycle import expect
from cluster import JOBS, PODS, stays, wait_for
from harness import case
from kueue import GROUP
from queues import ONE, PRIORITY, QUEUE, begun, flavor, job_of, kueue, project, queue, stays_at, waits

RECLAIM = {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"}


def two_teams(space):
    """Each has quota for one run and may borrow that of the other."""
    shared, cohort = flavor(space), space.name
    for team in ("team-a", "team-b"):
        queue(space, team, ONE, shared, cohortName=cohort, preemption=RECLAIM)
        project(space, team, queue_name=team)


@case
def two_teams_borrow_and_take_back(space):
    two_teams(space)
    # So long that both quotas are surely in use when the victim is looked at.
    for name in ("b-1", "b-2"):
        space.run(name, project="team-b", parameters={"seconds": 25})
    for name in ("b-1", "b-2"):
        begun(space, name)
    space.run("b-3", project="team-b")
    waits(space, "b-3")
    # Both quotas are used by team B. Team A gets its own back.
    space.run("a-1", project="team-a", parameters={"seconds": 15})
    begun(space, "a-1")
    victim = wait_for(lambda: [name for name in ("b-1", "b-2") if space.status(name).get("preemptions")], 60, "one of them was preempted")[0]
    status = space.status(victim)
    assert (status["attempts"], status["freeAttempts"], status["jobSuspended"]) == (2, 1, True), status
    other = {"b-1": "b-2", "b-2": "b-1"}[victim]
    for name in ("a-1", "b-1", "b-2", "b-3"):
        end = space.finish(name, 120)
        expect(end, "Succeeded", "Succeeded")
        assert end["outputs"] == {"answer": 42, "run": end["runID"]}, end
        assert end["stdout"] == "begun\n", "of one execution"
    assert space.status(victim)["attempts"] == 2 and space.status(other)["attempts"] == 1
    names = sorted(job["metadata"]["labels"]["modelrun.dev/attempt"] for job in space.items(JOBS, f"modelrun.dev/run-uid={space.status(victim)['runID']}"))
    assert names == ["2"], f"the Job of the first attempt is gone: {names}"


@case(alone=True)
def a_preemption_outlives_the_operator(space):
    """The operator is killed while the Job is being suspended; which of both comes first does not matter."""
    two_teams(space)
    for name in ("b-1", "b-2"):
        space.run(name, project="team-b", parameters={"seconds": 15})
    for name in ("b-1", "b-2"):
        begun(space, name)
    space.run("a-1", project="team-a")
    wait_for(lambda: [job for job in space.items(JOBS, f"{QUEUE}=team-b") if job["spec"].get("suspend")], 60, "Kueue suspends a Job")
    kill_operators()
    ends = {name: space.finish(name, 180) for name in ("a-1", "b-1", "b-2")}
    for end in ends.values():
        expect(end, "Succeeded", "Succeeded")
        assert end["outputs"] == {"answer": 42, "run": end["runID"]}, end
    assert sorted(ends[name]["attempts"] for name in ("b-1", "b-2")) == [1, 2], ends


@case
def a_model_that_may_be_executed_once_is_not_executed_again(space):
    high = "high-" + uuid.uuid4().hex[:8]
    space.post(f"{GROUP}/workloadpriorityclasses", {**kueue("WorkloadPriorityClass", high), "value": 1000})
    queue(space, "team-a", ONE, preemption=RECLAIM)
    project(space, queue_name="team-a", limits={"attempts": 1})
    space.run("low", parameters={"seconds": 60})
    begun(space, "low")
    space.run("urgent", labels={PRIORITY: high})
    end = space.finish("low")
    expect(end, "Failed", "Preempted")
    assert "limits.attempts" in end["message"] and end["attempts"] == 1, end
    assert end["stdout"] == "begun\n", "what it left is there"
    expect(space.finish("urgent"), "Succeeded", "Succeeded")
    wait_for(lambda: not [job for job in space.items(JOBS) if job["spec"].get("suspend")], 20, "its Job does not wait for quota any more")


@case
def a_person_suspends_a_job_and_resumes_it(space):
    """Without a queue: the operator leaves it to whoever has suspended the Job."""
    project(space)
    space.run("r", parameters={"seconds": 5})
    begun(space, "r")
    suspend(space, "r", True)
    status = waits(space, "r", seconds=60)
    assert (status["attempts"], status["preemptions"]) == (2, 1) and "goes on when it is resumed" in status["message"], status
    stays(lambda: stays_at(space, "r", "JobSuspended"), 3, "it is left alone")
    assert not [pod for pod in space.items(PODS) if "deletionTimestamp" not in pod["metadata"]]
    suspend(space, "r", False)
    end = space.finish("r")
    expect(end, "Succeeded", "Succeeded")
    assert end["attempts"] == 2 and end["outputs"]["answer"] == 42, end


def suspend(space, run, value):
    path = JOBS.format(space.name) + "/" + job_of(space, run)["metadata"]["name"]
    space.cluster.request("PATCH", path, {"spec": {"suspend": value}}, "application/merge-patch+json")
