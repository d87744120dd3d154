"""The deployed operator and gateway, looked at from outside: their restarts and their memory."""

import contextlib
import subprocess

from cluster import OPERATOR_PODS
from disturb import leader, memory_of, operators
from gateway import Endpoint
from hostile import OWN, PEAK, RESIDENT

SYSTEM_PODS = OPERATOR_PODS.split("?", maxsplit=1)[0]
RUN_SERVER_PORT = 9443


def of_component(space, component):
    pods = space.get(f"{SYSTEM_PODS}?labelSelector=app.kubernetes.io/component%3D{component}")["items"]
    return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]


class Product:
    """`space` is any namespace's; it lends its client."""

    def __init__(self, space):
        self.space = space
        self.leader = leader(space)
        self.pid = operators(space)[self.leader]
        self.gateway_pids = subprocess.run(
            ["pgrep", "-f", "^/usr/bin/modelrun-gateway "], capture_output=True, text=True, check=False
        ).stdout.split()

    def containers(self):
        """{(pod, container): how often it was restarted} of operator, modelrun-source and gateway."""
        pods = of_component(self.space, "operator") + of_component(self.space, "gateway")
        return {
            (pod["metadata"]["name"], status["name"]): status["restartCount"]
            for pod in pods
            for status in pod["status"].get("containerStatuses", [])
        }

    def reset_peaks(self):
        """From now on the kernel counts the largest sizes anew (proc(5), clear_refs)."""
        for pid in (self.pid, *self.gateway_pids):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")

    def memory(self):
        """{what: bytes}"""
        of_gateways = [size(pid, PEAK) for pid in self.gateway_pids]
        names = {"peak": PEAK, "resident": RESIDENT, "own": OWN}
        return {**{name: size(self.pid, field) for name, field in names.items()}, "gateway_peak": max(of_gateways, default=0)}


def size(pid, field):
    """In bytes; 0 of a process that has ended, whose restart is told anyway."""
    try:
        return memory_of(pid, field)
    except (OSError, StopIteration):
        return 0


def restarts(before, after):
    """How many containers were restarted, or belong to a pod that is gone, and which."""
    told = {name: after.get(name, count + 1) - count for name, count in before.items()}
    return {f"{pod}/{container}": count for (pod, container), count in told.items() if count}


def deployed_gateway(space):
    """The pod itself: a Service shows all clients from outside of the cluster with one address."""
    pod = of_component(space, "gateway")[0]
    port = next(p["containerPort"] for p in pod["spec"]["containers"][0]["ports"] if p["name"] == "gateway")
    return Endpoint(pod["status"]["podIP"], port, served_as="modelrun-gateway")
