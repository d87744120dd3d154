"""The ring around the sandbox: what a pod of a run reaches that has no seccomp filter of ours."""

import json

from cluster import OPERATOR_PODS, PODS, wait_for
from harness import case, same

SYSTEM = "modelrun-system"

# {name: whether a connection came about} for the targets in argv: name=address:port.
PROBE = """
import json, socket, sys
found = {}
for target in sys.argv[1:]:
    name, _, address = target.partition('=')
    host, _, port = address.rpartition(':')
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
        found[name] = True
    except OSError:
        found[name] = False
print(json.dumps(found))
"""

LISTEN = """
import http.server
server = http.server.ThreadingHTTPServer(('', 8000), http.server.SimpleHTTPRequestHandler)
print('listening', flush=True)
server.serve_forever()
"""


def python_pod(space, name, source, *arguments, namespace=None, labels=None):
    container = {
        "name": "python",
        "image": "localhost/modelrun-python:dev",
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", source, *arguments],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
    }
    path = PODS.format(namespace or space.name)
    space.post(path, {"metadata": {"name": name, "labels": labels or {}}, "spec": spec})
    return f"{path}/{name}"


def probed(space, path):
    wait_for(lambda: space.get(path)["status"].get("phase") in ("Succeeded", "Failed"), 30, f"{path} has ended")
    return json.loads(space.get(path + "/log"))


def listens(space, path):
    running = space.get(path)["status"].get("phase") == "Running"
    return running and "listening" in space.get(path + "/log")


@case
def pod_of_a_run_reaches_the_run_server_alone(space):
    """With the labels of a run's pod, but without its sandbox; the same program in the operator's namespace reaches everything."""
    git = space.repo({"run.py": "result = {}\n"})
    space.project(url=git)
    space.run("r")
    pod = space.get(PODS.format(space.name) + "/" + space.finish("r")["podName"])
    # Not those of the Job, whose controller would take the pod for its own.
    labels = {name: value for name, value in pod["metadata"]["labels"].items() if name.startswith("modelrun.dev/")}
    policy = space.get(f"/apis/networking.k8s.io/v1/namespaces/{space.name}/networkpolicies/modelrun-sandbox")["spec"]
    (selected,) = policy["podSelector"]["matchExpressions"]
    assert selected["operator"] == "Exists" and selected["key"] in labels, (selected, labels)
    same(sorted(policy["policyTypes"]), ["Egress", "Ingress"])
    assert "ingress" not in policy, "nobody reaches a run's pod"
    same([rule["ports"] for rule in policy["egress"]], [[{"protocol": "TCP", "port": 9443}]])

    other = python_pod(space, "other", LISTEN)
    wait_for(lambda: listens(space, other), 30, "the other pod listens")
    node = space.get("/api/v1/nodes")["items"][0]["status"]["addresses"][0]["address"]
    operator = space.get(OPERATOR_PODS)["items"][0]["status"]["podIP"]
    targets = {
        "run server": f"{operator}:9443",
        "operator's metrics": f"{operator}:8080",
        "API server": f"{node}:6443",
        "API server's Service": space.get("/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"] + ":443",
        "kubelet": f"{node}:10250",
        "git server": git.split("/")[2],
        "another pod": space.get(other)["status"]["podIP"] + ":8000",
    }
    arguments = [f"{name}={address}" for name, address in targets.items()]
    free = python_pod(space, space.name, PROBE, *arguments, namespace=SYSTEM)
    try:
        same(probed(space, free), dict.fromkeys(targets, True))
    finally:
        space.delete(free)
    held = python_pod(space, "held", PROBE, *arguments, labels=labels)
    same(probed(space, held), {name: name == "run server" for name in targets})
