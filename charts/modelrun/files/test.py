"""`helm test`: a run of a repository, from a project of its own, in a namespace that the operator takes care of. Ends with 0 if the run succeeded.

Reads NAMESPACE, GIT_URL, GIT_BRANCH (may be empty), TIMEOUT_SECONDS, and the token of its pod.
"""

import json
import os
import secrets
import signal
import ssl
import sys
import time
import urllib.error
import urllib.request

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
FINAL = ("Succeeded", "Failed", "TimedOut", "Cancelled")


class Refused(Exception):
    """What the API server answers in place of an object."""


class Api:
    """The resources of modelrun.dev in a namespace."""

    def __init__(self, address, account, namespace):
        self.url = f"{address}/apis/modelrun.dev/v1alpha1/namespaces/{namespace}"
        self.token = os.path.join(account, "token")
        self.tls = ssl.create_default_context(cafile=os.path.join(account, "ca.crt"))

    def call(self, method, path, body=None):
        with open(self.token, encoding="utf-8") as file:
            headers = {"Authorization": "Bearer " + file.read().strip(), "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read(4096).decode(errors='replace')}") from None


def manifests(name, url, branch):
    """The project, and its run."""
    common = {"apiVersion": "modelrun.dev/v1alpha1", "metadata": {"name": name}}
    git = {"url": url, **({"defaultBranch": branch} if branch else {})}
    return {**common, "kind": "ModelProject", "spec": {"source": {"git": git}}}, {**common, "kind": "ModelRun", "spec": {"project": name, "scope": "project"}}


def reason_of(status):
    conditions = {each["type"]: each for each in status.get("conditions", [])}
    return conditions.get("Succeeded", {}).get("reason", "")


def follow(api, name, seconds):
    """The run's status when it is over; prints each change until then."""
    told, end = "", time.monotonic() + seconds
    while True:
        try:
            status = api.call("GET", f"modelruns/{name}").get("status", {})
        except OSError as error:  # the API server may be away for a moment
            status = {"phase": f"unknown ({error})"}
        line = " ".join(filter(None, (status.get("phase", "created"), reason_of(status))))
        if line != told:
            print(f"run {name}: {line}", flush=True)
            told = line
        if status.get("phase") in FINAL:
            return status
        if time.monotonic() > end:
            raise Refused(f"the run is not over after {seconds} s: {status.get('message', 'the operator has not written a status')}")
        time.sleep(1)


def clean_up(api, name):
    for path in (f"modelruns/{name}", f"modelprojects/{name}"):
        try:
            api.call("DELETE", path)
        except (Refused, OSError) as error:
            print(f"not deleted: {error}", flush=True)


def main():
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    api = Api(f"https://{f'[{host}]' if ':' in host else host}:{port}", ACCOUNT, os.environ["NAMESPACE"])
    name = "helm-test-" + secrets.token_hex(4)
    project, run = manifests(name, os.environ["GIT_URL"], os.environ["GIT_BRANCH"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    try:
        api.call("POST", "modelprojects", project)
        api.call("POST", "modelruns", run)
        status = follow(api, name, int(os.environ["TIMEOUT_SECONDS"]))
    except (Refused, OSError) as error:
        sys.exit(str(error))
    finally:
        clean_up(api, name)
    print(json.dumps({key: status[key] for key in ("commitSHA", "exitCode", "durationSeconds", "outputs", "message") if key in status}, indent=2))
    if status["phase"] != "Succeeded":
        sys.exit(f"the run is {status['phase']}: {reason_of(status)}\n{status.get('stderr', '')}")


if __name__ == "__main__":
    main()
