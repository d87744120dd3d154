"""Sandboxes that stand ready (spec.warm), and the runs that adopt them."""

from cases_faults import jobs_created, kill_operators, writes_of
from cases_lifecycle import expect
from cluster import CONFIG_MAPS, JOBS, PODS, PROJECTS, wait_for
from disturb import merge
from harness import case

FILES = {
    "run.py": "import json, os, sys\n"
    "result = {'preloaded': 'numpy' in sys.modules, 'run': os.environ['MODELRUN_RUN_ID'], 'commit': os.environ['MODELRUN_COMMIT_SHA'],\n"
    "          'parameters': json.load(open('/inputs/parameters.json')) if os.path.exists('/inputs/parameters.json') else None}\n"
    "print('done')\n",
    "model/slow.py": "import time\nprint('begun', flush=True)\ntime.sleep(60)\n",
}


def warm_project(space, sandboxes, name="models", **spec):
    warm = {"sandboxes": sandboxes, **spec.pop("warm", {})}
    return space.project(name, files=FILES, warm=warm, **spec)


def project(space, name="models"):
    return space.get(PROJECTS.format(space.name) + "/" + name)


def await_pool(space, size, name="models", seconds=60):
    def full():
        return project(space, name).get("status", {}).get("warm") == {"ready": size, "wanted": size, "sandboxes": f"{size}/{size}"}

    wait_for(full, seconds, f"{size} sandboxes of {name} are ready")


def standbys(space):
    """The Jobs that no run has adopted."""
    return [job for job in space.items(JOBS, "modelrun.dev/standby,!modelrun.dev/run-uid") if "deletionTimestamp" not in job["metadata"]]


def condition(space, kind="WarmPoolHealthy", name="models"):
    for each in project(space, name).get("status", {}).get("conditions", []):
        if each["type"] == kind:
            return each
    return {}


def await_warm_run(space, size):
    """The pool serves runs again. Its status is written once a second at most, so it may still count sandboxes that are gone."""
    starts = []
    while "Warm" not in starts and len(starts) < 4:
        await_pool(space, size, seconds=120)
        space.run(f"after-{len(starts)}")
        starts.append(space.finish(f"after-{len(starts)}")["provenance"]["start"])
    assert "Warm" in starts, starts


@case
def warm_run_ends_like_a_cold_one_with_fewer_writes(space):
    warm_project(space, 1)
    space.project("cold", files=FILES)
    await_pool(space, 1)
    ready = standbys(space)[0]["metadata"]
    space.run("warm", parameters={"growth": 0.25})
    space.run("cold", project="cold", parameters={"growth": 0.25})
    warm, cold = space.finish("warm"), space.finish("cold")
    for status in (warm, cold):
        expect(status, "Succeeded", "Succeeded")
        assert status["outputs"]["parameters"] == {"growth": 0.25} and status["outputs"]["run"] == status["runID"], status["outputs"]
        assert status["outputs"]["commit"] == status["commitSHA"] and status["stdout"] == "done\n"
    assert (warm["outputs"]["preloaded"], cold["outputs"]["preloaded"]) == (True, False)
    assert warm["provenance"]["start"] == "Warm" and "start" not in cold["provenance"], "a project without warm says nothing of it"
    for field in ("rings", "parametersDigest", "image"):
        assert warm["provenance"][field] == cold["provenance"][field], field
    assert "adopted" in warm["timeline"] and "jobCreated" not in warm["timeline"], warm["timeline"]
    assert warm["jobName"] == ready["name"]
    job = space.get(JOBS.format(space.name) + "/" + ready["name"])["metadata"]
    assert job["uid"] == ready["uid"] and job["labels"]["modelrun.dev/run-uid"] == warm["runID"]
    assert [(o["kind"], o["name"]) for o in job["ownerReferences"]] == [("ModelRun", "warm")]
    shown = wait_for(lambda: space.exists(CONFIG_MAPS.format(space.name) + "/" + ready["name"]), 20, "the ConfigMap of the parameters")
    assert shown["data"]["parameters.json"] == '{"growth":0.25}' and shown["metadata"]["ownerReferences"][0]["uid"] == ready["uid"]
    writes = writes_of(space.name, "warm", ready["name"])
    writes.remove("create jobs")  # that was for the pool
    print("  warm:", ", ".join(writes), flush=True)
    assert len(writes) <= 5 and "create jobs" not in writes, writes
    await_pool(space, 1)
    assert standbys(space)[0]["metadata"]["name"] != ready["name"], "each is used once"


@case
def empty_pool_is_never_waited_for(space):
    warm_project(space, 1)
    await_pool(space, 1)
    names = [f"r{i}" for i in range(4)]
    for name in names:
        space.run(name)
    ends = [space.finish(name) for name in names]
    assert all(end["phase"] == "Succeeded" for end in ends)
    starts = [(end["provenance"]["start"], end["provenance"].get("coldReason")) for end in ends]
    assert {start for start, _ in starts} == {"Warm", "Cold"}, starts
    assert all(end["provenance"]["coldReason"] in ("PoolEmpty", "NoneReady") for end in ends if end["provenance"]["start"] == "Cold")
    assert len({end["jobName"] for end in ends}) == len(ends), "no Job for two runs"
    await_pool(space, 1)


@case
def standbys_follow_the_settings(space):
    warm_project(space, 2)
    await_pool(space, 2)
    before = {job["metadata"]["uid"] for job in standbys(space)}
    path = PROJECTS.format(space.name) + "/models"
    merge(space, path, {"spec": {"runtime": {"env": [{"name": "NEW", "value": "1"}]}}})
    wait_for(lambda: len(standbys(space)) == 2 and not before & {job["metadata"]["uid"] for job in standbys(space)}, 60, "both are replaced")
    await_pool(space, 2)
    merge(space, path, {"spec": {"warm": {"sandboxes": 1}}})
    wait_for(lambda: len(standbys(space)) == 1, 30, "one is removed")
    merge(space, path, {"spec": {"suspend": True}})
    wait_for(lambda: not standbys(space), 30, "none while the project is suspended")
    merge(space, path, {"spec": {"suspend": False}})
    await_pool(space, 1)
    merge(space, path, {"spec": {"warm": None}})
    wait_for(lambda: not standbys(space), 30, "none is wanted")
    assert "warm" not in project(space)["status"] and not condition(space)


@case
def pool_that_cannot_be_filled_says_why_and_runs_go_on(space):
    warm_project(space, 1, warm={"preload": ["no_such_module"]})
    wait_for(lambda: condition(space).get("status") == "False", 60, "the condition tells of it")
    assert "No module named 'no_such_module'" in condition(space)["message"], condition(space)
    space.run("cold")
    end = space.finish("cold")
    expect(end, "Succeeded", "Succeeded")
    assert end["provenance"]["start"] == "Cold"
    merge(space, PROJECTS.format(space.name) + "/models", {"spec": {"warm": {"preload": ["json"]}}})
    await_pool(space, 1, seconds=90)
    assert condition(space)["status"] == "True"


@case
def standby_that_dies_is_replaced(space):
    warm_project(space, 1)
    await_pool(space, 1)
    job = standbys(space)[0]["metadata"]
    pod = space.items(PODS, f"batch.kubernetes.io/job-name={job['name']}")[0]["metadata"]["name"]
    space.delete(PODS.format(space.name) + "/" + pod)
    wait_for(lambda: {each["metadata"]["uid"] for each in standbys(space)} - {job["uid"]}, 90, "another takes its place")
    await_warm_run(space, 1)


@case
def warm_run_is_cancelled_and_timed_out_like_any_other(space):
    warm_project(space, 2)
    await_pool(space, 2)
    space.run("cancelled", modelName="slow")
    space.run("late", modelName="slow", timeoutSeconds=2)
    expect(space.finish("late"), "TimedOut", "Timeout")
    space.wait_phase("cancelled", ("Running",))
    space.patch_run("cancelled", cancel=True)
    end = space.finish("cancelled", 30)
    expect(end, "Cancelled", "Cancelled")
    assert end["provenance"]["start"] == "Warm" and end["stdout"] == "begun\n"


@case
def deleted_project_takes_its_standbys_along(space):
    warm_project(space, 2)
    await_pool(space, 2)
    space.delete(PROJECTS.format(space.name) + "/models")
    wait_for(lambda: not space.items(PODS), 90, "no pod is left")


@case(alone=True, since=(32, "the kubelet waits for minutes before it starts an operator again that was killed often"))
def operator_killed_while_runs_adopt_standbys(space):
    warm_project(space, 3)
    await_pool(space, 3)
    names = []
    for round_number in range(4):
        names += [f"r{round_number}-{i}" for i in range(4)]
        for name in names[-4:]:
            space.run(name)
        kill_operators()
        ends = [space.finish(name, 180) for name in names[-4:]]
        assert all(end["phase"] == "Succeeded" and end["outputs"]["run"] == end["runID"] for end in ends), [end.get("message") for end in ends]
    ends = [space.status(name) for name in names]
    assert len({end["podUID"] for end in ends}) == len(names), "no pod for two runs"
    assert len({end["jobName"] for end in ends}) == len(names), "no Job for two runs"
    await_warm_run(space, 3)
    created = jobs_created(space.name)
    assert len(created) == len(set(created)), created
    await_pool(space, 3, seconds=120)
