"""The attack programs of tests/sandbox/attacks as models, beside a control container in which they succeed."""

import glob
import os
import sys

from cases_results import expect
from cluster import OPERATOR_PODS, PODS, ApiError, reason_of, wait_for
from harness import case

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sandbox", "attacks")
sys.path.insert(0, FOLDER)
from attack import verdicts  # noqa: E402

# Runs one of the programs with the parameters as its environment.
WRAPPER = """
import json, os, runpy, sys
with open('/inputs/parameters.json') as f:
    os.environ.update(json.load(f))
sys.path.insert(0, '/repo/attacks')
runpy.run_path('/repo/attacks/' + os.environ['PROGRAM'] + '.py', run_name='__main__')
"""


def programs():
    files = {}
    for path in glob.glob(FOLDER + "/*.py"):
        with open(path, encoding="utf-8") as f:
            files["attacks/" + os.path.basename(path)] = f.read()
    return files


def attack_project(space, **spec):
    space.project(files={"model/attack.py": WRAPPER, "run.py": "", **programs()}, **spec)


def attack(space, name, seconds=90, timeout=60, **environment):
    run = name.replace("_", "-")
    space.run(run, modelName="attack", timeoutSeconds=timeout, parameters=environment)
    return space.finish(run, seconds)


def control(space, program, environment):
    """The same program as root, without a filter, with capabilities and the node's network: what it prints there."""
    files = {os.path.basename(path): text for path, text in programs().items()}
    name = f"control-{program}"
    space.post(f"/api/v1/namespaces/{space.name}/configmaps", {"metadata": {"name": name}, "data": files})
    variables = {"ATTACK_CONTROL": "1", **environment}
    container = {
        "name": "attack",
        "image": "localhost/modelrun-python:dev",
        "imagePullPolicy": "Never",
        "command": ["python3", f"/attacks/{program}.py"],
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "securityContext": {
            "runAsUser": 0,
            "seccompProfile": {"type": "Unconfined"},
            "capabilities": {"add": ["SYS_ADMIN", "SYS_PTRACE", "SYS_CHROOT", "NET_RAW", "DAC_READ_SEARCH", "SYS_NICE", "SYSLOG", "IPC_LOCK"]},
        },
        "volumeMounts": [{"name": "attacks", "mountPath": "/attacks"}],
    }
    pod = {
        "metadata": {"name": name},
        "spec": {
            "hostNetwork": True,
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [{"name": "attacks", "configMap": {"name": name}}],
        },
    }
    path = PODS.format(space.name)
    space.post(path, pod)
    ended = lambda: space.get(f"{path}/{name}")["status"].get("phase") in ("Succeeded", "Failed")  # noqa: E731
    try:
        wait_for(ended, 30, f"{name} has ended")
    except AssertionError as error:
        raise AssertionError(f"{error}; its last lines: {space.get(f'{path}/{name}/log')[-600:]}") from None
    return verdicts(space.get(f"{path}/{name}/log"))


def without_pod_security(space):
    """The control container needs a namespace that admits it."""
    space.cluster.request(
        "PATCH",
        f"/api/v1/namespaces/{space.name}",
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        "application/merge-patch+json",
    )


def compare(space, program, **environment):
    without_pod_security(space)
    attack_project(space)
    status = attack(space, program, PROGRAM=program, **environment)
    sandboxed = verdicts(status.get("stdout", "") if not status.get("stdoutTruncated") else whole_stdout(space, status))
    unhardened = control(space, program, environment)
    succeeded = {name: detail for name, (verdict, detail) in unhardened.items() if verdict == "ALLOWED"}
    proven = [name for name in succeeded if sandboxed.get(name, ("",))[0] == "DENIED"]
    got_through = {name: detail for name, (verdict, detail) in sandboxed.items() if verdict == "ALLOWED"}
    unproven = sorted(name for name, (verdict, _) in sandboxed.items() if verdict == "DENIED" and name not in proven)
    print(f"  {program}: {len(proven)} denied that succeed in the control container; not proven there: {', '.join(unproven)}", flush=True)
    assert not got_through, got_through
    assert len(sandboxed) > 5, (reason_of(status), status.get("stderr", "")[-1500:])
    return proven


def whole_stdout(space, status):
    from cases_results import payload_of

    return payload_of(space, status)["stdout"]["head"]


@case
def attacks_on_the_kernel(space):
    assert len(compare(space, "kernel")) >= 20


@case
def attacks_on_files(space):
    assert len(compare(space, "files")) >= 15


@case
def attacks_on_the_network(space):
    node = space.get("/api/v1/nodes")["items"][0]["status"]["addresses"][0]["address"]
    operator = space.get(OPERATOR_PODS)["items"][0]["status"]["podIP"]
    proven = compare(space, "network", ATTACK_TARGETS=f"{node}:10250 {operator}:9443 {node}:6443")
    assert len(proven) >= 4, proven


# How each ends: (phase, reasons). The limit is met by the model alone.
EXHAUSTION = {
    "fork_bomb": ("Succeeded", "Failed", "TimedOut"),
    "thread_bomb": ("Succeeded", "Failed", "TimedOut"),
    "disk": ("Succeeded", "Failed"),
    "inodes": ("Succeeded", "Failed"),
    "memory": ("Failed",),
    "log_flood": ("Succeeded", "TimedOut", "Failed"),
    "log_bytes": ("Succeeded",),
    "descriptors": ("Succeeded",),
    "spin": ("TimedOut",),
    "ignore_sigterm": ("TimedOut",),
    "daemonise": ("Succeeded",),
    "signals": ("Succeeded",),
}


@case(alone=True)
def exhaustion_ends_with_the_run(space):
    """Each ends within its limits with a named reason, and a run beside it is not disturbed."""
    attack_project(space, runtime={"resources": {"limits": {"memory": "256Mi", "cpu": "1"}}})
    restarts = operator_restarts(space)
    ends = {}
    for name, phases in EXHAUSTION.items():
        timeout = 6 if "TimedOut" in phases else 60
        status = attack(space, name, seconds=90, timeout=timeout, PROGRAM="exhaustion", ATTACK=name)
        ends[name] = (status["phase"], reason_of(status))
        print(f"  {name}: {ends[name][1]} {status.get('stdout', '').strip()[:80]}", flush=True)
        assert status["phase"] in phases, (ends[name], status.get("message"), status.get("stderr", "")[-500:])
    assert ends["memory"][1] == "OOMKilled", ends["memory"]
    assert operator_restarts(space) == restarts, "the operator did not notice"
    ready = space.get("/api/v1/nodes")["items"][0]["status"]["conditions"]
    assert all(c["status"] == ("True" if c["type"] == "Ready" else "False") for c in ready), ready
    space.run("neighbour", modelName="attack", parameters={"PROGRAM": "attack"})
    expect(space.finish("neighbour"), "Succeeded", "Succeeded", 0)


def operator_restarts(space):
    pods = space.get(OPERATOR_PODS)["items"]
    return sum(s["restartCount"] for p in pods for s in p["status"].get("containerStatuses", []))


@case
def hostile_outputs_are_named_and_left_out(space):
    attack_project(space)
    status = attack(space, "outputs", PROGRAM="outputs")
    assert status["phase"] in ("Succeeded", "Failed"), status
    assert "forged" not in str(status.get("outputs", {})), "a forged result on stdout changes nothing"
    for name in status.get("artifacts", []):
        assert name["name"].isprintable() and ".." not in name["name"], name
    print(f"  outputs: {status['phase']} {reason_of(status)}: {status.get('message')}; {status.get('warning')}", flush=True)


@case
def manifests_that_reach_beyond_are_refused(space):
    """Sources and Secrets that are not the project's to use."""
    for url in ("ext::sh -c id", "file:///etc", "--upload-pack=id", "http://169.254.169.254/latest"):
        try:
            space.project(name="p" + str(abs(hash(url)))[:8], url=url)
        except ApiError as error:
            assert error.status == 422, (url, error)
            continue
        name = "p" + str(abs(hash(url)))[:8]
        space.run("r-" + name, project=name)
        status = space.finish("r-" + name, 60)
        assert status["phase"] == "Failed" and "jobName" not in status, (url, status)
    for model in ("../../x", "x/../../y", "a\nb"):
        try:
            space.run("bad-model", project="p", modelName=model)
        except ApiError as error:
            assert error.status == 422, (model, error)
        else:
            raise AssertionError(f"taken: {model!r}")
