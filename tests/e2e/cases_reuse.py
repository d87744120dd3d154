"""spec.reuse: identical runs that share one execution."""

from cases_lifecycle import expect
from cases_results import payload_of
from cluster import CONFIG_MAPS, JOBS, RUNS, reason_of, wait_for
from harness import case

# Prints more than status holds, and says which run it was.
SLOW = (
    "import os, time\n"
    "print('x' * 20000, flush=True)\n"
    "time.sleep(15)\n"
    "result = {'run': os.environ['MODELRUN_RUN_ID']}\n"
)


@case
def identical_runs_join_and_one_is_executed(space):
    space.project(files={"run.py": SLOW})
    space.run("first", reuse="Join")
    space.wait_phase("first", ("Running",))
    for name in ("second", "third"):
        space.run(name, reuse="Join")
        wait_for(lambda name=name: reason_of(space.status(name)) == "Joined", 20, f"{name} waits for the first")
    space.run("other", reuse="Join", parameters={})
    first = space.finish("first")
    expect(first, "Succeeded", "Succeeded")
    for name in ("second", "third"):
        status = space.finish(name)
        expect(status, "Succeeded", "Succeeded")
        assert status["reusedFrom"] == {"name": "first", "uid": first["runID"], "runNumber": first["runNumber"]}
        assert status["outputs"] == first["outputs"] == {"run": first["runID"]}
        for field in ("commitSHA", "identity", "stdout", "startedAt", "finishedAt", "exitCode", "provenance"):
            assert status[field] == first[field], field
        assert "runNumber" not in status and "jobName" not in status, "it took no slot"
        assert not set(status["resultRef"]["configMaps"]) & set(first["resultRef"]["configMaps"]), "a copy of its own"
    other = space.finish("other")
    expect(other, "Succeeded", "Succeeded")
    assert "reusedFrom" not in other and other["identity"] != first["identity"]
    assert len(space.items(JOBS)) == 2, "first and other"
    whole = payload_of(space, first)
    space.delete(RUNS.format(space.name) + "/first")
    gone = CONFIG_MAPS.format(space.name) + "/" + first["resultRef"]["configMaps"][0]
    wait_for(lambda: not space.exists(gone), 60, "the full result of the first is gone")
    assert payload_of(space, space.status("second")) == whole


@case
def followers_outlive_a_first_run_that_is_cancelled(space):
    space.project(files={"run.py": SLOW})
    space.run("first", reuse="Join")
    space.wait_phase("first", ("Running",))
    space.run("second", reuse="Join")
    space.run("third", reuse="Join")
    for name in ("second", "third"):
        wait_for(lambda name=name: reason_of(space.status(name)) == "Joined", 20, f"{name} waits for the first")
    space.patch_run("third", cancel=True)
    expect(space.finish("third", 20), "Cancelled", "Cancelled")
    assert space.status("first")["phase"] == "Running", "it is the other's business"
    space.patch_run("first", cancel=True)
    expect(space.finish("first", 30), "Cancelled", "Cancelled")
    second = space.finish("second", 90)
    expect(second, "Succeeded", "Succeeded")
    assert "reusedFrom" not in second and second["attempts"] == 1


@case
def a_success_is_reused_until_the_project_changes(space):
    # The suite's default image is pinned by digest.
    space.project()
    space.run("first")
    first = space.finish("first")
    assert "@sha256:" in first["provenance"]["image"], first["provenance"]
    space.run("second", reuse="Reuse")
    second = space.finish("second", 20)
    expect(second, "Succeeded", "Succeeded")
    assert second["reusedFrom"]["name"] == "first" and second["outputs"] == first["outputs"]
    project = "/apis/modelrun.dev/v1alpha1/namespaces/{}/modelprojects/models".format(space.name)
    limits = {"spec": {"limits": {"pendingSeconds": 500}}}
    changed = space.cluster.request("PATCH", project, limits, "application/merge-patch+json")["metadata"]["generation"]
    wait_for(lambda: space.get(project)["status"]["observedGeneration"] == changed, 30, "the operator has seen the change")
    space.run("third", reuse="Reuse")
    third = space.finish("third")
    expect(third, "Succeeded", "Succeeded")
    assert "reusedFrom" not in third and third["attempts"] == 1
    assert len(space.items(JOBS)) == 2, "first and third"


@case
def reuse_wants_a_pinned_image(space):
    space.project(runtime={"image": "localhost/modelrun-python:dev"})
    space.run("r", reuse="Reuse")
    status = space.finish("r", 20)
    expect(status, "Failed", "InvalidSpec")
    assert "@sha256:" in status["message"] and not space.items(JOBS)
