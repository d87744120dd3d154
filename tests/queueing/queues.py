"""Queues for the cases, and what is asked of Kueue's objects."""

import uuid

from cases_sweeps import SWEEPS
from cluster import JOBS, reason_of, wait_for
from kueue import GROUP

QUEUE = "kueue.x-k8s.io/queue-name"
PRIORITY = "kueue.x-k8s.io/priority-class"
WORKLOADS = GROUP + "/namespaces/{}/workloads"

# A run of these projects requests 110m: 100m for its model, and 10m for its agent. So this is the quota for so many.
ONE, TWO = "110m", "220m"
FILES = {
    "run.py": "import json, os, time\n"
    "p = json.load(open('/inputs/parameters.json')) if os.path.exists('/inputs/parameters.json') else {}\n"
    "print('begun', flush=True)\n"
    "time.sleep(p.get('seconds', 0))\n"
    "result = {'answer': 42, 'run': os.environ['MODELRUN_RUN_ID']}\n",
    "model/table.py": "import json, time\np = json.load(open('/inputs/parameters.json'))\ntime.sleep(p.get('seconds', 0))\nresult = {'double': 2 * p['i']}\n",
}
RESOURCES = {"requests": {"cpu": "100m", "memory": "64Mi"}}


def kueue(kind, name):
    return {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, "metadata": {"name": name}}


def flavor(space):
    name = "f-" + uuid.uuid4().hex[:8]
    space.post(f"{GROUP}/resourceflavors", kueue("ResourceFlavor", name))
    return name


def quota(flavor_name, cpu):
    """Of all that a run's pod requests: a resource that no queue has a quota for keeps a Job out for ever."""
    amounts = {"cpu": cpu, "memory": "8Gi", "ephemeral-storage": "8Gi"}
    resources = [{"name": name, "nominalQuota": amount} for name, amount in amounts.items()]
    return [{"coveredResources": list(amounts), "flavors": [{"name": flavor_name, "resources": resources}]}]


def queue(space, name, cpu, flavor_name=None, namespace=None, **spec):
    """A LocalQueue of the case's namespace, and a ClusterQueue of its own behind it."""
    cluster_queue = f"{space.name}-{name}"
    body = {"namespaceSelector": {}, "resourceGroups": quota(flavor_name or flavor(space), cpu), **spec}
    space.post(f"{GROUP}/clusterqueues", {**kueue("ClusterQueue", cluster_queue), "spec": body})
    path = f"{GROUP}/namespaces/{namespace or space.name}/localqueues"
    space.post(path, {**kueue("LocalQueue", name), "spec": {"clusterQueue": cluster_queue}})
    return cluster_queue


def project(space, name="models", queue_name=None, labels=None, **spec):
    runtime = {"resources": RESOURCES, "podLabels": {**({QUEUE: queue_name} if queue_name else {}), **(labels or {})}}
    return space.project(name, files=FILES, runtime=runtime, **spec)


def waits(space, run, reason="JobSuspended", seconds=30):
    def status():
        found = space.status(run)
        return found if reason_of(found) == reason else None

    return wait_for(status, seconds, f"{run} is {reason}")


def stays_at(space, run, reason):
    return reason_of(space.status(run)) == reason


def job_of(space, run):
    return space.get(JOBS.format(space.name) + "/" + space.status(run)["jobName"])


def workloads(space):
    return space.get(WORKLOADS.format(space.name))["items"]


def begun(space, run, seconds=60):
    """The model surely executes."""
    return space.wait_phase(run, ("Running",), seconds)


def sweep(space, name, count, parameters=None, labels=None, **limits):
    return space.post(
        SWEEPS.format(space.name),
        {
            "apiVersion": "modelrun.dev/v1alpha1",
            "kind": "ModelSweep",
            "metadata": {"name": name, "namespace": space.name, "labels": labels or {}},
            "spec": {
                "project": "models",
                "scope": "model",
                "modelName": "table",
                "parameters": parameters or {},
                "space": {"grid": [{"name": "i", "values": list(range(count))}]},
                "limits": limits,
            },
        },
    )
