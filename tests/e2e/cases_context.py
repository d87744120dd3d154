"""hack/cluster --context: what works on a cluster that it has not started, tried on the one that it has."""

import os
import subprocess
import tempfile

from cases_lifecycle import expect
from cluster import OPERATOR_PODS, ROOT, hack, wait_for
from harness import case, same

# Stands in for the tool of that name: says what it was asked.
KIND = '#!/bin/sh\necho "$@" >"$(dirname "$0")/asked"\n'


def script(environment, *arguments, code=0, context=None):
    context = context or hack("kubectl", "config", "current-context")
    command = [os.path.join(ROOT, "hack", "cluster"), "--context", context, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == code, f"{' '.join(arguments)}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}"
    return done.stdout.strip(), done.stderr


@case
def cluster_script_on_a_context(space):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + ":" + os.environ["PATH"]
        environment = {**os.environ, "KUBECONFIG": space.cluster.kubeconfig, "XDG_STATE_HOME": folder, "PATH": path}
        out, _ = script(environment, "status")
        assert all(word in out for word in ("node1", "modelruns.modelrun.dev", "modelrun-operator", "modelrun-gateway")), out
        script(environment, "status", code=1, context="nowhere")
        assert set(script(environment, "logs")[0].split()) == {"operator", "gateway"}
        pod = space.get(OPERATOR_PODS)["items"][0]["metadata"]["name"]
        assert pod in script(environment, "logs", "operator")[0]
        for command in ("up", "down", "audit", "gateway"):
            assert f"{command} does not work with --context" in script(environment, command, code=1)[1]
        load(environment, folder)
        serve(space, environment, folder)


def load(environment, folder):
    with open(os.path.join(folder, "kind"), "w", encoding="utf-8") as tool:
        tool.write(KIND)
    os.chmod(tool.name, 0o755)
    archive = subprocess.run([os.path.join(ROOT, "hack", "images"), "path", "pause"], capture_output=True, text=True, check=True).stdout.strip()
    assert script(environment, "load", archive, context="kind-some")[0].startswith("localhost/modelrun-pause:dev sha256:")
    with open(os.path.join(folder, "asked"), encoding="utf-8") as asked:
        same(asked.read().split(), ["load", "image-archive", "--name", "some", archive])
    if not any(os.access(os.path.join(at, "k3d"), os.X_OK) for at in os.environ["PATH"].split(":")):
        assert "no k3d in PATH" in script(environment, "load", archive, code=1, context="k3d-some")[1]
    assert "push the image to a registry" in script(environment, "load", archive, code=2)[1]


def serve(space, environment, folder):
    files = os.path.join(folder, "files")
    os.mkdir(files)
    with open(os.path.join(files, "run.py"), "w", encoding="utf-8") as run:
        run.write("result = {'from': 'a server of its own'}\n")
    assert "--address" in script(environment, "repo", files, code=1)[1]
    try:
        url, _ = script(environment, "repo", files, "some", "--address", "10.250.0.1")
        space.project(url=url)
        space.run("r")
        status = space.finish("r")
        expect(status, "Succeeded", "Succeeded")
        same(status["outputs"], {"from": "a server of its own"})
    finally:
        script(environment, "repo", "--stop")
    wait_for(lambda: not os.path.exists(os.path.join(folder, "modelrun")), 5, "nothing of the server is left")
