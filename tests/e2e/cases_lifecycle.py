"""Waiting, cancelling, queueing, sources, and what happens to a run whose surroundings change."""

import base64
import subprocess
import time

from cluster import JOBS, PATIENCE, PODS, PROJECTS, RUNS, ApiError, reason_of, wait_for
from harness import case, same

SLEEPER = "import time\nprint('started', flush=True)\ntime.sleep(600)\n"


def sleeping(space, name="r", **spec):
    space.run(name, modelName="sleeper", **spec)


def project_with_sleeper(space, **spec):
    quick = "result = {'n': 1}\n"
    space.project(files={"run.py": "result = {'n': 0}\n", "model/sleeper.py": SLEEPER, "model/quick.py": quick}, **spec)


def expect(status, phase, reason):
    found = (status["phase"], reason_of(status))
    assert found == (phase, reason), f"{found}: {status.get('message')}"


@case
def missing_model(space):
    space.project()
    space.run("r", modelName="nowhere")
    status = space.finish("r")
    expect(status, "Failed", "EntryPointNotFound")
    assert "model/nowhere.py" in status["message"] and status["exitCode"] is None
    assert len(status["commitSHA"]) == 40, "what was looked at"
    assert not space.items(JOBS), "no Job for a run that cannot start"


@case
def missing_branch(space):
    space.project()
    space.run("r", branch="no-such-branch")
    expect(space.finish("r"), "Failed", "RefNotFound")


@case
def unreachable_repository(space):
    space.project(url="http://10.250.0.1:9/nothing.git", limits={"pendingSeconds": 5})
    space.run("r")
    wait_for(lambda: reason_of(space.status("r")) == "SourceUnreachable", 20, "the wait has a reason")
    status = space.finish("r", 60)
    expect(status, "Failed", "SourceUnreachable")


@case
def private_repository(space):
    url = space.repo({"run.py": "result = {'secret': True}\n"}, private="robot:s3cret")
    host = url.split("/")[2].split(":")[0]
    secret = {
        "metadata": {
            "name": "git",
            "labels": {"modelrun.dev/use": "git"},
            "annotations": {"modelrun.dev/git-host": host},
        },
        "stringData": {"username": "robot", "password": "s3cret"},
    }
    space.post(f"/api/v1/namespaces/{space.name}/secrets", secret)
    space.project("open", url=url)
    space.run("without", project="open")
    expect(space.finish("without"), "Failed", "SourceDenied")
    space.project("models", url=url, git={"secretRef": {"name": "git"}})
    space.run("with")
    assert space.finish("with")["outputs"] == {"secret": True}


@case
def secret_for_another_host(space):
    secret = {
        "metadata": {
            "name": "git",
            "labels": {"modelrun.dev/use": "git"},
            "annotations": {"modelrun.dev/git-host": "git.example.com"},
        },
        "data": {"password": base64.b64encode(b"x").decode()},
    }
    space.post(f"/api/v1/namespaces/{space.name}/secrets", secret)
    space.project(git={"secretRef": {"name": "git"}})
    space.run("r")
    status = space.finish("r")
    expect(status, "Failed", "SourceDenied")
    assert "git.example.com" in status["message"]


@case
def missing_image(space):
    space.project(runtime={"image": "localhost/there-is-no-such-image:1"}, limits={"pendingSeconds": 30})
    space.run("r")
    wait_for(lambda: reason_of(space.status("r")) == "ImagePullFailed", 30, "the wait has a reason")
    expect(space.finish("r", 60), "Failed", "ImagePullFailed")
    wait_for(lambda: not space.items(JOBS), 20, "the Job is gone")


@case
def too_large_for_the_node(space):
    requests = {"requests": {"cpu": "900"}, "limits": {"cpu": "900"}}
    space.project(runtime={"resources": requests}, limits={"pendingSeconds": 15})
    space.run("r")
    expect(space.finish("r", 60), "Failed", "Unschedulable")


@case
def project_that_comes_later(space):
    space.run("r")
    wait_for(lambda: reason_of(space.status("r")) == "ProjectNotFound", 20, "the wait has a reason")
    space.project()
    expect(space.finish("r"), "Succeeded", "Succeeded")


@case
def cancel_while_running(space):
    project_with_sleeper(space)
    sleeping(space)
    space.wait_phase("r", ("Running",))
    wait_for(lambda: "started" in pod_log(space), 20, "the model has printed")
    space.patch_run("r", cancel=True)
    status = space.finish("r", 30)
    expect(status, "Cancelled", "Cancelled")
    assert status["stdout"] == "started\n", status


@case
def cancel_before_it_starts(space):
    project_with_sleeper(space, suspend=True)
    sleeping(space)
    wait_for(lambda: reason_of(space.status("r")) == "Suspended", 20, "the wait has a reason")
    space.patch_run("r", cancel=True)
    expect(space.finish("r", 20), "Cancelled", "Cancelled")
    assert not space.items(JOBS)


@case
def suspend_and_resume(space):
    project_with_sleeper(space)
    space.run("r", modelName="quick", suspend=True)
    wait_for(lambda: reason_of(space.status("r")) == "Suspended", 20, "the wait has a reason")
    space.patch_run("r", suspend=False)
    expect(space.finish("r"), "Succeeded", "Succeeded")


@case
def suspend_while_running_is_a_new_attempt(space):
    project_with_sleeper(space)
    sleeping(space)
    first = space.wait_phase("r", ("Running",))
    space.patch_run("r", suspend=True)
    wait_for(lambda: space.status("r")["phase"] == "Pending", 30, "the run waits again")
    space.patch_run("r", suspend=False)
    second = space.wait_phase("r", ("Running",), 90)
    assert (first["attempts"], second["attempts"]) == (1, 2)
    assert (first["commitSHA"], first["runNumber"]) == (second["commitSHA"], second["runNumber"])
    space.patch_run("r", cancel=True)
    expect(space.finish("r", 30), "Cancelled", "Cancelled")


@case
def suspended_run_gives_its_slot_to_another(space):
    project_with_sleeper(space, limits={"maxConcurrentRuns": 1})
    sleeping(space)
    first = space.wait_phase("r", ("Running",))
    space.run("other", modelName="quick")
    wait_for(lambda: reason_of(space.status("other")) == "Queued", 20, "the wait has a reason")
    space.patch_run("r", suspend=True)
    expect(space.finish("other"), "Succeeded", "Succeeded")
    space.patch_run("r", suspend=False)
    second = space.wait_phase("r", ("Running",), 90)
    assert (second["attempts"], second["runNumber"]) == (2, first["runNumber"])
    space.patch_run("r", cancel=True)
    expect(space.finish("r", 30), "Cancelled", "Cancelled")


@case
def one_at_a_time_first_in_first_out(space):
    slow = "import time\ntime.sleep(0.5)\nresult = {}\n"
    space.project(files={"run.py": slow}, limits={"maxConcurrentRuns": 1})

    def in_line(name):
        status = space.status(name)
        return "runNumber" in status or reason_of(status) == "Queued"

    for name in (f"r{i}" for i in range(4)):
        space.run(name)
        wait_for(lambda name=name: in_line(name), 30, f"{name} has a number or a place in the queue")
        time.sleep(1.1)  # creation times have whole seconds; the order under test is theirs
    ends = [space.finish(f"r{i}", 120) for i in range(4)]
    assert all(end["phase"] == "Succeeded" for end in ends)
    assert [end["runNumber"] for end in ends] == [1, 2, 3, 4]
    for before, after in zip(ends, ends[1:]):
        assert before["finishedAt"] <= after["startedAt"], "two at once"


@case
def job_deleted_by_hand(space):
    project_with_sleeper(space)
    sleeping(space)
    job = space.wait_phase("r", ("Running",))["jobName"]
    space.delete(JOBS.format(space.name) + f"/{job}?propagationPolicy=Background")
    status = space.finish("r", 90)
    expect(status, "Failed", "JobDeleted")


@case
def pod_deleted_by_hand(space):
    project_with_sleeper(space)
    sleeping(space)
    pod = space.wait_phase("r", ("Running",))["podName"]
    wait_for(lambda: "started" in pod_log(space), 20, "the model has printed")
    space.delete(PODS.format(space.name) + f"/{pod}")
    status = space.finish("r", 90)
    expect(status, "Failed", "PodDeleted")
    assert status["stdout"] == "started\n", "what was printed is kept"


@case
def run_deleted_while_it_runs(space):
    project_with_sleeper(space)
    sleeping(space)
    space.wait_phase("r", ("Running",))
    space.delete(RUNS.format(space.name) + "/r")
    wait_for(lambda: not space.items(JOBS) and not space.items(PODS), 90, "nothing is left")


@case
def project_deleted_while_it_runs(space):
    project_with_sleeper(space)
    sleeping(space)
    space.wait_phase("r", ("Running",))
    space.delete(PROJECTS.format(space.name) + "/models")
    expect(space.finish("r", 60), "Cancelled", "Cancelled")


@case
def compaction_leaves_the_result(space):
    space.project(history={"podSeconds": 1})
    space.run("r", parameters={"a": 1})
    space.finish("r")

    def bare():
        maps = [m for m in space.items("/api/v1/namespaces/{}/configmaps") if m["metadata"]["name"] != "kube-root-ca.crt"]
        return not space.items(JOBS) and not space.items(PODS) and not maps

    wait_for(bare, 60, "Job, Pod and ConfigMap are gone")
    assert space.status("r")["outputs"] == {"answer": 42}


@case
def history_limit_spares_applied_runs(space):
    space.project(history={"successful": 1})
    space.run("applied")
    space.finish("applied")
    for i in range(3):
        space.run(f"tool{i}", labels={"modelrun.dev/created-by": "cli"})
        space.finish(f"tool{i}")
    names = lambda: sorted(r["metadata"]["name"] for r in space.items(RUNS))  # noqa: E731
    wait_for(lambda: names() == ["applied", "tool2"], 30, "the older runs of the tool are gone")


@case
def final_status_is_refused_a_change(space):
    space.project()
    space.run("r")
    space.finish("r")
    object_ = space.get(RUNS.format(space.name) + "/r")
    object_["status"]["phase"] = "Failed"
    try:
        space.cluster.request("PUT", RUNS.format(space.name) + "/r/status", object_)
        raise AssertionError("a final phase was changed")
    except ApiError as error:
        assert error.status == 422, error


@case
def bad_manifests_are_refused_with_a_sentence(space):
    check = __file__.rsplit("/", 1)[0] + "/manifests/check"
    kubectl = __file__.rsplit("/tests/", 1)[0] + "/hack/cluster kubectl"
    import os

    done = subprocess.run([check], env={**os.environ, "KUBECTL": kubectl}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@case
def kubectl_tells_the_story(space):
    space.project(files={"run.py": "print('told')\nresult = {}\n"})
    space.run("r")
    run = f"modelrun/r -n {space.name}".split()
    space.cluster.kubectl("wait", "--for=condition=Succeeded", f"--timeout={60 * PATIENCE}s", *run)
    table = space.cluster.kubectl("get", "mr", "-n", space.name, "-o", "wide")
    for word in ("PROJECT", "NUMBER", "PHASE", "EXIT", "COMMIT", "DURATION", "REASON", "Succeeded"):
        assert word in table, f"{word} in {table}"
    explained = space.cluster.kubectl("explain", "modelrun.spec")
    assert "parameters" in explained and len(explained) > 1000
    # The kubelet may know a second or two after the run's end that the container has run.
    wait_for(lambda: "told" in pod_log(space), 30, "the kubelet has the log")
    log = space.cluster.kubectl("logs", f"job/{space.status('r')['jobName']}", "-n", space.name)
    same(log, "told")  # of the default container, the model's


@case
def logs_are_live(space):
    project_with_sleeper(space)
    sleeping(space)
    space.wait_phase("r", ("Running",))
    wait_for(lambda: "started" in pod_log(space), 20, "the model's line while it runs")
    space.patch_run("r", cancel=True)
    space.finish("r", 30)


def pod_log(space):
    pods = space.items(PODS)
    if not pods:
        return ""
    try:
        return space.get(PODS.format(space.name) + f"/{pods[0]['metadata']['name']}/log?container=model")
    except ApiError:
        return ""
