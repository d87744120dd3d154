"""What a project's settings give a model, and what they are refused: Secrets, data, another language, parameters."""

import json

from cases_lifecycle import expect
from cluster import CONFIG_MAPS, JOBS, SECRETS
from harness import case

SHOW_ENV = "import os\nresult = {name: os.environ.get(name) for name in ('PLAIN', 'TOKEN')}\n"


def secret(space, name, labels=None, annotations=None, **data):
    metadata = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    space.post(SECRETS.format(space.name), {"metadata": metadata, "stringData": data})


def env_of_secret(name):
    reference = {"secretKeyRef": {"name": name, "key": "token"}}
    return [{"name": "PLAIN", "value": "as it stands"}, {"name": "TOKEN", "valueFrom": reference}]


@case
def secret_that_models_may_not_see(space):
    """Not labelled by its owner, or labelled for git, it reaches no model."""
    secret(space, "bare", token="s3cret")
    secret(space, "for-git", {"modelrun.dev/use": "git"}, token="s3cret")
    for name in ("bare", "for-git"):
        space.project(name, files={"run.py": SHOW_ENV}, runtime={"env": env_of_secret(name)})
        space.run(name, project=name)
        status = space.finish(name)
        expect(status, "Failed", "InvalidSpec")
        assert f"Secret {name}" in status["message"] and "modelrun.dev/use=env" in status["message"], status["message"]
        assert "s3cret" not in json.dumps(status)
    assert not space.items(JOBS), "nothing was started"


@case
def secret_and_plain_value_in_the_environment(space):
    secret(space, "for-models", {"modelrun.dev/use": "env"}, token="s3cret")
    space.project(files={"run.py": SHOW_ENV}, runtime={"env": env_of_secret("for-models")})
    space.run("r")
    status = space.finish("r")
    expect(status, "Succeeded", "Succeeded")
    assert status["outputs"] == {"PLAIN": "as it stands", "TOKEN": "s3cret"}, status["outputs"]


@case
def git_secret_without_its_owners_consent(space):
    """The right password for the right host, yet its owner has not labelled it for git."""
    url = space.repo({"run.py": "result = {}\n"}, private="robot:s3cret")
    host = {"modelrun.dev/git-host": url.split("/")[2].split(":")[0]}
    for name, labels in (("bare", {}), ("for-models", {"modelrun.dev/use": "env"})):
        secret(space, name, labels, host, username="robot", password="s3cret")
        space.project(name, url=url, git={"secretRef": {"name": name}})
        space.run(name, project=name)
        status = space.finish(name)
        expect(status, "Failed", "SourceDenied")
        assert f"Secret {name}" in status["message"] and "modelrun.dev/use=git" in status["message"], status["message"]
    assert not space.items(JOBS), "nothing was started"


@case
def data_of_a_config_map(space):
    """Its keys are files at /data that cannot be written, and the run records whose state of the data it saw."""
    source = (
        "import json, os\n"
        "def refused(path):\n"
        "    try:\n"
        "        open(path, 'w').close()\n"
        "    except OSError as error:\n"
        "        return error.strerror\n"
        "result = {'rates': json.load(open('/data/rates.json')), 'files': sorted(n for n in os.listdir('/data') if n[0] != '.'),\n"
        "          'change': refused('/data/rates.json'), 'add': refused('/data/more.json')}\n"
    )
    data = {"rates.json": '{"eu": 0.19}', "note": "of March"}
    space.post(CONFIG_MAPS.format(space.name), {"metadata": {"name": "rates"}, "data": data})
    space.project(files={"run.py": source}, data={"configMap": {"name": "rates"}, "snapshotRef": "rates/2024-03"})
    space.run("r")
    status = space.finish("r")
    expect(status, "Succeeded", "Succeeded")
    outputs = status["outputs"]
    assert outputs["rates"] == {"eu": 0.19} and outputs["files"] == ["note", "rates.json"], outputs
    assert outputs["change"] == outputs["add"] == "Read-only file system", outputs
    assert status["dataSnapshotRef"] == "rates/2024-03", status


@case
def another_language(space):
    """runtime.command with the entry point's path: a shell, which knows nothing of the Python harness."""
    script = (
        "echo \"$0 $1 in $(pwd)\"\n"
        "printf '{\"commit\": \"%s\", \"given\": %s}' \"$MODELRUN_COMMIT_SHA\" \"$(cat /inputs/parameters.json)\" > /outputs/x.json\n"
    )
    command = ["/bin/sh", "-e", "./$(ENTRYPOINT)", "$HOME;id"]
    space.project(files={"model/m.py": script}, runtime={"command": command})
    space.run("r", modelName="m", parameters={"k": [1, 2]})
    status = space.finish("r")
    expect(status, "Succeeded", "Succeeded")
    assert status["outputs"] == {"x": {"commit": status["commitSHA"], "given": {"k": [1, 2]}}}, status["outputs"]
    assert status["stdout"] == "./model/m.py $HOME;id in /repo\n", "no shell took the arguments apart"


@case
def parameters_up_to_their_limit(space):
    """64 KiB as JSON is too much and starts nothing; a byte less is a run."""
    limit = 64 * 1024
    frame = len('{"blob":""}')
    source = "import json\nresult = {'length': len(json.load(open('/inputs/parameters.json'))['blob'])}\n"
    space.project(files={"run.py": source})
    space.run("more", parameters={"blob": "x" * (limit - frame)})
    space.run("most", parameters={"blob": "x" * (limit - frame - 1)})
    status = space.finish("more")
    expect(status, "Failed", "InvalidParameters")
    assert "64 KiB" in status["message"] or "65536" in status["message"], status["message"]
    assert "jobName" not in status and "attempts" not in status, status
    status = space.finish("most")
    expect(status, "Succeeded", "Succeeded")
    assert status["outputs"] == {"length": limit - frame - 1}
    assert len(space.items(JOBS)) == 1, "the Job of the run that fits"


SHOW_USERS = """import os
with open('/proc/self/uid_map') as f:
    inside, outside, count = map(int, f.read().split())
open('/outputs/made.txt', 'w').write('x')
result = {'user': os.getuid(), 'outside': outside, 'count': count, 'made by': os.stat('/outputs/made.txt').st_uid, 'code of': os.stat('/repo/run.py').st_uid}
"""


@case(since=(33, "the kubelet makes no user namespaces by itself"))
def user_namespace_of_a_pod(space):
    """runtime.hostUsers: false. What root is in the pod is nobody on the node; what agent and model hand to each other is theirs."""
    space.project(files={"run.py": SHOW_USERS}, runtime={"hostUsers": False})
    for name, fields in {"r": {}, "with-parameters": {"parameters": {"a": 1}}}.items():
        space.run(name, **fields)
        end = space.finish(name)
        expect(end, "Succeeded", "Succeeded")
        users = end["outputs"]
        assert 10_000 <= users["user"] < 60_000 and users["made by"] == users["code of"] == users["user"], users
        assert users["outside"] >= 65_536 and users["count"] == 65_536, users
        assert [a["name"] for a in end["artifacts"]] == ["made.txt"], end
