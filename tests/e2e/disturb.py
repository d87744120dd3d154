"""What the cases about faults do to the cluster, and what they ask of it afterwards."""

import contextlib
import datetime
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.request

from cases_faults import audit_events, object_name, operator_pids
from cluster import OPERATOR_PODS, RUNS, ApiError, Space, hack, wait_for

HOST = "10.250.0.1"  # this machine, as the node sees it
SYSTEM = "/apis/{}/namespaces/modelrun-system"
LEASE = SYSTEM.format("coordination.k8s.io/v1") + "/leases/modelrun-operator"
DEPLOYMENT = SYSTEM.format("apps/v1") + "/deployments/modelrun-operator"
FINALIZER = "e2e.modelrun.dev/hold"


def merge(space, path, body):
    return space.cluster.request("PATCH", path, body, "application/merge-patch+json")


def run_path(space, name):
    return RUNS.format(space.name) + "/" + name


# ---- objects


@contextlib.contextmanager
def second_space(space, name):
    """Another tenant's namespace."""
    other = Space(space.cluster, name)
    try:
        yield other
    finally:
        other.remove()


@contextlib.contextmanager
def held(space, *names):
    """Keeps the runs from going away when they are deleted, as somebody's finalizer would."""
    for name in names:
        merge(space, run_path(space, name), {"metadata": {"finalizers": [FINALIZER]}})
    try:
        yield
    finally:
        for name in names:
            with contextlib.suppress(ApiError):
                merge(space, run_path(space, name), {"metadata": {"finalizers": []}})


@contextlib.contextmanager
def made(space, collection, body):
    """An object of the cluster's that is gone afterwards, whatever happens; gives a function that removes it earlier."""
    path = collection + "/" + space.post(collection, body)["metadata"]["name"]

    def remove():
        with contextlib.suppress(ApiError):
            space.delete(path)

    try:
        yield remove
    finally:
        remove()


def webhook_that_is_down(space, group, resource):
    """made() of an admission webhook for new objects of this namespace that nobody answers."""
    hook = {
        "name": "down.e2e.modelrun.dev",
        "clientConfig": {"url": f"https://{HOST}:9/down"},
        "rules": [{"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space.name}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    return made(space, path, {"metadata": {"name": space.name}, "webhooks": [hook]})


def version(space, name):
    return space.get(run_path(space, name))["metadata"]["resourceVersion"]


def operator_writes(namespace, run):
    """Times at which the operator wrote the run or its status, by the audit log."""
    times = []
    for event in audit_events():
        ref = event.get("objectRef", {})
        if (ref.get("resource"), ref.get("namespace")) != ("modelruns", namespace) or object_name(event) != run:
            continue
        if "modelrun-operator" in event["user"]["username"] and event["verb"] in ("update", "patch"):
            times.append(event["requestReceivedTimestamp"])
    return times


# ---- the operator's processes


def now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def operators(space):
    """{pod: process id} of the operators that run."""
    found = {}
    for pid in operator_pids():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", encoding="utf-8") as environment:
            variables = dict(entry.split("=", 1) for entry in environment.read().split("\0") if "=" in entry)
            found[variables["POD_NAME"]] = int(pid)
    return found


def memory_of(pid, field):
    """A size of the process in bytes, by its name in /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))


def metric(pod, name):
    """The value that the operator in `pod` reports, or None while it does not answer."""
    with contextlib.suppress(OSError, KeyError, ValueError):
        address = f"http://{pod['status']['podIP']}:8080/metrics"
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=2) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
    return None


def leaders(space):
    """The names of the operator's pods that say they lead."""
    pods = space.get(OPERATOR_PODS)["items"]
    return [pod["metadata"]["name"] for pod in pods if metric(pod, "modelrun_leader") == 1]


def leader(space):
    """The pod that leads, once there is exactly one and the lease says the same."""

    def found():
        names = leaders(space)
        holder = space.get(LEASE)["spec"].get("holderIdentity", "")
        return names[0] if len(names) == 1 and holder.startswith(names[0]) else None

    return wait_for(found, 60, "one operator leads")


def restart_counts(space):
    return {
        pod["metadata"]["name"]: status["restartCount"]
        for pod in space.get(OPERATOR_PODS)["items"]
        for status in pod["status"].get("containerStatuses", [])
    }


def all_ready(space, replicas):
    """True once exactly so many operators run, all are ready, and no other process is left."""
    pods = space.get(OPERATOR_PODS)["items"]
    ready = [p for p in pods if all(s["ready"] for s in p["status"].get("containerStatuses", [{"ready": False}]))]
    return len(pods) == len(ready) == len(operator_pids()) == replicas


def scale(space, replicas):
    merge(space, DEPLOYMENT + "/scale", {"spec": {"replicas": replicas}})
    wait_for(lambda: all_ready(space, replicas), 60, f"{replicas} operators")


@contextlib.contextmanager
def scaled(space, replicas):
    before = space.get(DEPLOYMENT)["spec"]["replicas"]
    scale(space, replicas)
    try:
        yield
    finally:
        scale(space, before)


@contextlib.contextmanager
def stopped(pid):
    """SIGSTOP; SIGCONT afterwards."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def lease_taken(space):
    """Somebody else holds the operators' lease; no operator leads when this is entered, and any may when it is left."""
    done = threading.Event()

    def keep():
        while not done.is_set():
            with contextlib.suppress(ApiError):
                merge(space, LEASE, {"spec": {"holderIdentity": "somebody-else", "leaseDurationSeconds": 15, "renewTime": now()}})
            done.wait(1)

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        wait_for(lambda: not leaders(space), 30, "no operator leads any more")
        yield
    finally:
        done.set()
        keeper.join()
        merge(space, LEASE, {"spec": {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now()}})


# ---- the network


def in_pod_network(pid, script):
    """Has nft do `script` in the network namespace of the process."""
    subprocess.run(["nsenter", "-t", str(pid), "-n", "nft", "-f", "-"], input=script, text=True, check=True, capture_output=True)


@contextlib.contextmanager
def cut_off(pid, ports=()):
    """No packet passes between the process's pod and the API server; with `ports`, only those of these local ports."""
    service = json.loads(hack("kubectl", "get", "service", "kubernetes", "-o", "json"))["spec"]["clusterIP"]

    def only(side):
        return f"tcp {side} {{ {', '.join(map(str, ports))} }} " if ports else ""

    in_pod_network(
        pid,
        f"""table inet e2e {{
  chain out {{ type filter hook output priority 0; ip daddr {service} {only("sport")}drop; }}
  chain in {{ type filter hook input priority 0; ip saddr {service} {only("dport")}drop; }}
}}
""",
    )
    try:
        yield
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):  # the pod may be another one by now
            in_pod_network(pid, "delete table inet e2e\n")


def ports_in_use(pid):
    """The local ports of the process's TCP connections to port 443."""
    ports = []
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            local, remote, state = line.split()[1:4]
            if state == "01" and int(remote.split(":")[1], 16) == 443:
                ports.append(int(local.split(":")[1], 16))
    return ports


class Door:
    """A port of this machine that leads to a server, and can be shut: open, shut (refused) or silent (taken, never answered)."""

    def __init__(self, target=None):
        self.target, self.mode = target, "open" if target else "silent"
        self.lock, self.connections = threading.Lock(), set()
        self.listener = None
        self.port = 0
        self._listen()

    def _listen(self):
        self.listener = socket.create_server((HOST, self.port), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with self.lock:
            self.connections.add(client)
        try:
            if self.mode == "open":
                with socket.create_connection(self.target) as server:
                    back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
                    back.start()
                    self._copy(client, server)
                    back.join()
            else:
                while client.recv(4096):
                    pass
        except OSError:
            pass
        finally:
            with self.lock:
                self.connections.discard(client)
            client.close()

    @staticmethod
    def _copy(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def count(self):
        """How many connections are open."""
        with self.lock:
            return len(self.connections)

    def shut(self):
        """Refuses connections from now on, and ends those there are."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for client in self.connections:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def open(self):
        self._listen()

    def url(self, url=None):
        """The same repository by way of this door."""
        path = url.split("/", 3)[3] if url else "nothing.git"
        return f"http://{HOST}:{self.port}/{path}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.shut()
