"""A small client of the Kubernetes API for the end-to-end tests: standard library only."""

import base64
import contextlib
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Deadlines are for what never comes; a busy machine is no failure.
PATIENCE = 3
FINAL = ("Succeeded", "Failed", "TimedOut", "Cancelled")


class ApiError(Exception):
    """An answer of the API server that is not 2xx; .status is the HTTP status, str() the server's sentence."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def hack(*args, **options):
    """Runs hack/cluster and gives what it printed."""
    command = [os.path.join(ROOT, "hack", "cluster"), *args]
    done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(args)}: exit {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout.strip()


class Cluster:
    """The node of hack/cluster. Thread-safe: every thread has a connection of its own."""

    def __init__(self):
        self.kubeconfig = hack("kubeconfig")
        raw = json.loads(hack("kubectl", "config", "view", "--raw", "--flatten", "-o", "json"))
        server = urllib.parse.urlparse(raw["clusters"][0]["cluster"]["server"])
        self.host, self.port = server.hostname, server.port
        self.tls = ssl.create_default_context(
            cadata=base64.b64decode(raw["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
        )
        user = raw["users"][0]["user"]
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]) + b"\n" + base64.b64decode(user["client-key-data"]))
            pem.flush()
            self.tls.load_cert_chain(pem.name)
        self.local = threading.local()

    def _connection(self):
        # The API server ends connections that have been idle for a minute or two, and a POST is not sent twice.
        idle = time.monotonic() - getattr(self.local, "used", 0)
        if getattr(self.local, "connection", None) is None or idle > 30:
            self.local.connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=60)
        self.local.used = time.monotonic()
        return self.local.connection

    def request(self, method, path, body=None, content_type="application/json"):
        data = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            try:
                connection = self._connection()
                connection.request(method, path, data, {"Content-Type": content_type} if data else {})
                answer = connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self.local.connection = None
                if attempt == 2 or method != "GET":
                    raise
        if answer.status >= 300:
            with contextlib.suppress(ValueError):
                raise ApiError(answer.status, json.loads(text).get("message", text))
            raise ApiError(answer.status, text.decode(errors="replace"))
        if "json" in answer.getheader("Content-Type", ""):
            return json.loads(text)
        return text.decode(errors="replace")

    def kubectl(self, *args, **options):
        return hack("kubectl", *args, **options)

    def minor(self):
        """37 for Kubernetes 1.37."""
        return int(self.request("GET", "/version")["minor"].rstrip("+"))


RUNS = "/apis/modelrun.dev/v1alpha1/namespaces/{}/modelruns"
PROJECTS = "/apis/modelrun.dev/v1alpha1/namespaces/{}/modelprojects"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"
PODS = "/api/v1/namespaces/{}/pods"
CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"
SECRETS = "/api/v1/namespaces/{}/secrets"
# The product's own pods; the gateway's stand beside the operator's.
OPERATOR_PODS = "/api/v1/namespaces/modelrun-system/pods?labelSelector=app.kubernetes.io/component%3Doperator"


def wait_for(condition, seconds, what):
    """Waits until condition() is true and gives its value; the poll is the only pause the tests have."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds * PATIENCE} s: {what}")
        threading.Event().wait(0.1)


def stays(condition, seconds, what):
    """Fails as soon as condition() is not true; looks for so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"no longer: {what}"
        threading.Event().wait(0.2)


class Space:
    """A namespace of its own with a repository of its own, for one test."""

    prefix = "e2e"  # of its name

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = f"{self.prefix}-{name}-{uuid.uuid4().hex[:6]}"
        labels = {"pod-security.kubernetes.io/enforce": "restricted", "modelrun.dev/e2e": "true"}
        self.post("/api/v1/namespaces", {"metadata": {"name": self.name, "labels": labels}})
        # The service account and the root CA map come a moment later; Pods without them are refused.
        wait_for(lambda: self.exists(f"/api/v1/namespaces/{self.name}/serviceaccounts/default"), 20, "default service account")

    def post(self, path, body):
        return self.cluster.request("POST", path, body)

    def get(self, path):
        return self.cluster.request("GET", path)

    def exists(self, path):
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, collection, selector=""):
        query = "?labelSelector=" + urllib.parse.quote(selector) if selector else ""
        return self.get(collection.format(self.name) + query)["items"]

    def repo(self, files, name=None, private=None):
        """Serves `files` ({path: text}) as a git repository; gives its URL."""
        name = name or self.name
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                full = os.path.join(folder, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as out:
                    out.write(text)
            extra = ["--private", private] if private else []
            return hack("repo", folder, name, *extra)

    def project(self, name="models", url=None, files=None, **spec):
        url = url or self.repo(files or {"run.py": "result = {'answer': 42}\n"}, f"{self.name}-{name}")
        body = {
            "apiVersion": "modelrun.dev/v1alpha1",
            "kind": "ModelProject",
            "metadata": {"name": name, "namespace": self.name},
            "spec": {"source": {"git": {"url": url, **spec.pop("git", {})}}, **spec},
        }
        return self.post(PROJECTS.format(self.name), body)

    def run(self, name, project="models", labels=None, **spec):
        spec.setdefault("scope", "model" if "modelName" in spec else "project")
        body = {
            "apiVersion": "modelrun.dev/v1alpha1",
            "kind": "ModelRun",
            "metadata": {"name": name, "namespace": self.name, "labels": labels or {}},
            "spec": {"project": project, **spec},
        }
        return self.post(RUNS.format(self.name), body)

    def status(self, name):
        return self.get(RUNS.format(self.name) + "/" + name).get("status", {})

    def patch_run(self, name, **spec):
        path = RUNS.format(self.name) + "/" + name
        return self.cluster.request("PATCH", path, {"spec": spec}, "application/merge-patch+json")

    def delete(self, path):
        return self.cluster.request("DELETE", path)

    def wait_phase(self, name, phases, seconds=60):
        def reached():
            status = self.status(name)
            return status if status.get("phase") in phases else None

        try:
            return wait_for(reached, seconds, f"{name} in {phases}")
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {json.dumps(self.status(name))[:1500]}") from None

    def finish(self, name, seconds=60):
        return self.wait_phase(name, FINAL, seconds)

    def story(self):
        """Where what is not over stands, a line each: what a log should show of a test that failed."""
        lines = []
        for run in self.items(RUNS):
            status = run.get("status", {})
            if status.get("phase") not in FINAL:
                lines.append(f"  run {run['metadata']['name']}: {status.get('phase')}, {reason_of(status)}: {status.get('message')}")
        for pod in self.items(PODS):
            for container in pod["status"].get("containerStatuses", []):
                waiting = container["state"].get("waiting")
                if waiting:
                    name = f"{pod['metadata']['name']}/{container['name']}"
                    lines.append(f"  container {name}: {waiting.get('reason')}: {waiting.get('message', '')[:300]}")
        return "\n".join(["", *lines[:20], ""])

    def remove(self):
        self.delete(f"/api/v1/namespaces/{self.name}")


def reason_of(status):
    for condition in status.get("conditions", []):
        if condition["type"] == "Succeeded":
            return condition["reason"]
    return ""
