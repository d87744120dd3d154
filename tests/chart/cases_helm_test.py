"""The program of `helm test` (charts/modelrun/files/test.py) against an API server of the test's own, which plays the operator."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

from chart import CHART
from harness import case, same
from local_server import Answers, LocalServer, server_tls

BASE = "/apis/modelrun.dev/v1alpha1/namespaces/modelrun-system/"


class Api(Answers):
    """Keeps what is created; each GET of a run gives the next of `statuses`, and the last one again and again."""

    def do_POST(self):  # pylint: disable=invalid-name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.headers["Authorization"], "POST", self.path, body))
        if self.server.refusal:
            self.answer(403, {"message": self.server.refusal})
        else:
            self.answer(201, body)

    def do_GET(self):  # pylint: disable=invalid-name
        statuses = self.server.statuses
        self.answer(200, {"status": statuses.pop(0) if len(statuses) > 1 else statuses[0]})

    def do_DELETE(self):  # pylint: disable=invalid-name
        self.server.seen.append((self.headers["Authorization"], "DELETE", self.path, None))
        self.answer(200, {})


@contextlib.contextmanager
def api_server(folder, statuses, refusal=""):
    with LocalServer("127.0.0.1", Api, server_tls(folder, "IP:127.0.0.1")) as local:
        server = local.server
        server.statuses, server.refusal, server.seen = statuses, refusal, []
        yield server


def run_test(statuses, refusal="", branch="", seconds=30):
    """Its exit code, what it printed, and what it asked for."""
    with tempfile.TemporaryDirectory() as folder, api_server(folder, statuses, refusal) as server:
        with open(os.path.join(folder, "token"), "w", encoding="utf-8") as file:
            file.write("t0ken\n")
        with open(os.path.join(CHART, "files", "test.py"), encoding="utf-8") as file:
            program = file.read().replace('"/var/run/secrets/kubernetes.io/serviceaccount"', repr(folder)).replace("time.sleep(1)", "time.sleep(0.01)")
        environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.server_port), "NAMESPACE": "modelrun-system", "GIT_URL": "https://git.example.com/f.git",
                       "GIT_BRANCH": branch, "TIMEOUT_SECONDS": str(seconds)}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr, server.seen


def condition(reason):
    return [{"type": "Succeeded", "status": "Unknown", "reason": reason}]


@case
def the_test_passes_when_its_run_succeeds():
    statuses = [{}, {"phase": "Pending", "conditions": condition("Starting")}, {"phase": "Running", "conditions": condition("Running")},
                {"phase": "Succeeded", "conditions": condition("Succeeded"), "exitCode": 0, "commitSHA": "5f0c", "outputs": {"n": 1}}]
    code, printed, seen = run_test(statuses, branch="main")
    same(code, 0)
    assert "Pending Starting" in printed and "Running Running" in printed and '"commitSHA": "5f0c"' in printed, printed
    same({token for token, *_ in seen}, {"Bearer t0ken"})
    same([method for _, method, *_ in seen], ["POST", "POST", "DELETE", "DELETE"])
    project, run = seen[0][3], seen[1][3]
    name = project["metadata"]["name"]
    same((project["kind"], project["spec"]), ("ModelProject", {"source": {"git": {"url": "https://git.example.com/f.git", "defaultBranch": "main"}}}))
    same((run["kind"], run["spec"]), ("ModelRun", {"project": name, "scope": "project"}))
    same([path for _, _, path, _ in seen], [BASE + "modelprojects", BASE + "modelruns", BASE + f"modelruns/{name}", BASE + f"modelprojects/{name}"])


@case
def the_test_fails_when_its_run_does():
    code, printed, seen = run_test([{"phase": "Failed", "conditions": condition("SourceDenied"), "message": "the server wants a password", "stderr": "oh"}])
    same(code, 1)
    assert "the run is Failed: SourceDenied" in printed and "the server wants a password" in printed, printed
    same([method for _, method, *_ in seen][2:], ["DELETE", "DELETE"])
    code, printed, seen = run_test([{}], seconds=0)
    same(code, 1)
    assert "the operator has not written a status" in printed, printed
    same([method for _, method, *_ in seen][2:], ["DELETE", "DELETE"])


@case
def the_test_fails_when_it_may_not_create_a_run():
    code, printed, _ = run_test([{}], refusal="modelprojects is forbidden")
    same(code, 1)
    assert "POST modelprojects: 403" in printed and "modelprojects is forbidden" in printed, printed
