"""Events of runs' ends: a real receiver over HTTPS, which fails, while the operators die and the key changes."""

import contextlib
import json
import os
import secrets
import tempfile

from cases_faults import kill_operators
from cluster import OPERATOR_PODS, ApiError, wait_for
from disturb import all_ready, operators
from harness import case, same
from local_server import LocalServer, server_tls
from receiver import Receiver, new_key

HOST = "10.250.0.1"  # this machine, as the node's pods see it
SYSTEM = "/api/v1/namespaces/modelrun-system"
DEPLOYMENT = "/apis/apps/v1/namespaces/modelrun-system/deployments/modelrun-operator"
FOLDER = "/etc/modelrun/events"


def replaced(space, change):
    """Changes the Deployment by `change` of its pod template, and waits until only pods of the new one are there."""
    before = {pod["metadata"]["uid"] for pod in space.get(OPERATOR_PODS)["items"]}

    def written():
        found = space.get(DEPLOYMENT)
        change(found["spec"]["template"]["spec"])
        try:
            return space.cluster.request("PUT", DEPLOYMENT, found)
        except ApiError as error:
            if error.status != 409:  # its status has changed meanwhile
                raise
            return None

    wait_for(written, 30, "the Deployment is changed")
    wait_for(lambda: not before & {pod["metadata"]["uid"] for pod in space.get(OPERATOR_PODS)["items"]}, 120, "the operator's old pods are gone")
    wait_for(lambda: all_ready(space, 2) and len(operators(space)) == 2, 120, "both operators are ready")


@contextlib.contextmanager
def operator_tells(space, url, ca, keys):
    """The deployed operators send events there, signed with `keys`, as the chart has them do. The Secret is called as what is yielded."""
    name = f"events-{secrets.token_hex(3)}"
    secret, config = f"{SYSTEM}/secrets", f"{SYSTEM}/configmaps"
    space.post(secret, {"metadata": {"name": name}, "stringData": {"keys": keys}})
    space.post(config, {"metadata": {"name": name}, "data": {"ca.crt": ca}})

    def with_events(pod):
        container = next(each for each in pod["containers"] if each["name"] == "operator")
        container["args"] += [f"--events-url={url}", f"--events-key-file={FOLDER}/keys/keys", f"--events-ca-file={FOLDER}/ca/ca.crt", "--events-source=/e2e"]
        container["volumeMounts"] += [{"name": "events-keys", "mountPath": f"{FOLDER}/keys", "readOnly": True},
                                      {"name": "events-ca", "mountPath": f"{FOLDER}/ca", "readOnly": True}]
        pod["volumes"] += [{"name": "events-keys", "secret": {"secretName": name}}, {"name": "events-ca", "configMap": {"name": name}}]

    def without(pod):
        container = next(each for each in pod["containers"] if each["name"] == "operator")
        container["args"] = [each for each in container["args"] if not each.startswith("--events-")]
        for holder, field in ((container, "volumeMounts"), (pod, "volumes")):
            holder[field] = [each for each in holder[field] if not each["name"].startswith("events-")]

    replaced(space, with_events)
    try:
        yield f"{secret}/{name}"
    finally:
        replaced(space, without)
        space.delete(f"{secret}/{name}")
        space.delete(f"{config}/{name}")


def settled(space, run, state, seconds=60):
    wait_for(lambda: space.status(run).get("endEvent", {}).get("state") == state, seconds, f"the event of {run} is {state}")
    return space.status(run)


@case(alone=True)  # other operators lead meanwhile, and are killed
def events_reach_a_receiver_that_fails_while_operators_die(space):
    old, new = new_key(), new_key()
    receiver = Receiver([old])
    space.project(files={"run.py": "print('words of the model')\nresult = {'answer': 'words of the model'}\n", "model/fails.py": "raise SystemExit(3)\n"})
    space.run("before")
    space.finish("before")
    with tempfile.TemporaryDirectory() as folder:
        tls = server_tls(folder, f"IP:{HOST}")
        with open(os.path.join(folder, "ca.crt"), encoding="utf-8") as file:
            ca = file.read()
        with LocalServer(HOST, receiver.handler(), tls) as server, operator_tells(space, f"https://{HOST}:{server.port}/in", ca, old) as secret:
            delivers(space, receiver)
            outlives_operators(space, receiver)
            takes_another_key(space, receiver, secret, old, new)
    same(("endEvent" in space.status("before"), receiver.of("before")), (False, []))


def delivers(space, receiver):
    """Each end once, with what the run's status says."""
    space.run("ok", labels={"team": "a"})
    space.run("fails", modelName="fails")
    for run in ("ok", "fails"):
        status = settled(space, run, "Delivered")
        assert status["endEvent"]["deliveredAt"] >= status["timeline"]["recorded"], status["endEvent"]
        ((code, headers, event),) = receiver.of(run)
        data, uid = event["data"], status["runID"]
        same((code, headers["content-type"], headers["webhook-id"], event["id"]), (204, "application/cloudevents+json", f"end-{uid}", f"end-{uid}"))
        same((event["source"], event["specversion"]), (f"/e2e/namespaces/{space.name}", "1.0"))
        same([data[key] for key in ("name", "namespace", "project", "uid")], [run, space.name, "models", uid])
        same([data[key] for key in ("phase", "commitSHA", "exitCode", "runNumber", "finishedAt")], [status[key] for key in ("phase", "commitSHA", "exitCode", "runNumber", "finishedAt")])
        assert "words of the model" not in json.dumps(event), event
    same((receiver.of("ok")[0][2]["type"], receiver.of("ok")[0][2]["data"]["labels"]), ("dev.modelrun.run.succeeded", {"team": "a"}))
    same((receiver.of("fails")[0][2]["type"], receiver.of("fails")[0][2]["data"]["reason"]), ("dev.modelrun.run.failed", "NonZeroExit"))
    assert not receiver.verified([new_key()], receiver.of("ok")[0][1], b"{}")


def outlives_operators(space, receiver):
    """The receiver fails, and all operators are killed: the run still owes its event, which the next leader delivers under the same id."""
    receiver.status = 500
    space.run("late")
    space.finish("late")
    wait_for(lambda: receiver.of("late"), 30, "a try that fails")
    same(space.status("late")["endEvent"], {"state": "Pending"})
    kill_operators()
    receiver.status = 204
    settled(space, "late", "Delivered", 180)
    wait_for(lambda: all_ready(space, 2), 120, "both operators are ready")
    found = receiver.of("late")
    same((len({event["id"] for _, _, event in found}), [code for code, _, _ in found][-1]), (1, 204))
    same([code for code, _, _ in found].count(204), 1)


def takes_another_key(space, receiver, secret, old, new):
    """The receiver has the new key already, and refuses what the old one has signed until the operators have both."""
    receiver.keys = [new]
    space.run("rotated")
    space.finish("rotated")
    wait_for(lambda: receiver.of("rotated"), 30, "a try with the old key")
    same(receiver.of("rotated")[0][0], 401)
    space.cluster.request("PATCH", secret, {"stringData": {"keys": f"{new}\n{old}\n"}}, "application/merge-patch+json")
    settled(space, "rotated", "Delivered", 240)  # the kubelet brings it within a minute or two
    code, headers, _ = receiver.of("rotated")[-1]
    same((code, len(headers["webhook-signature"].split())), (204, 2))
