"""A namespace with a project, callers with rights, and a gateway process in front of it."""

import concurrent.futures
import contextlib
import functools
import http.client
import json
import os
import signal
import subprocess
import tempfile
import threading

from cluster import ROOT, Cluster, Space, wait_for
from harness import BESIDE, attempt, chosen_by, count, same

FILES = {
    "run.py": """
import json, pathlib
given = pathlib.Path("/inputs/parameters.json")
parameters = json.loads(given.read_text()) if given.exists() else None
print("hello from the model")
pathlib.Path("/outputs/note.txt").write_text("a note\\n")
result = {"revenue": [100, 110, 121], "parameters": parameters}
""",
    "model/slow.py": "import time\nprint('begun', flush=True)\ntime.sleep(120)\n",
    "model/minute.py": "import time\ntime.sleep(65)\nprint('a minute later')\n",
    "model/fails.py": "import sys\nprint('no data', file=sys.stderr)\nsys.exit(3)\n",
    "model/big.py": "result = {'text': 'x' * 300000}\n",
}
AUDIENCE = "modelrun.dev/gateway"
SYNC = {"scope": "project", "mode": "sync", "project_name": "forecasts"}
ASYNC = {**SYNC, "mode": "async"}
MODERN = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call", "Accept": "application/json, text/event-stream"}
ERAS = ("legacy", "2026-07-28", "auto")  # modes of the Python and TypeScript clients
FINAL = ("success", "failed", "timed_out", "cancelled")


def binary(name):
    return os.path.join(os.environ.get("BINARIES", os.path.join(ROOT, "build", "release", "bin")), name)


def is_json(kind):
    """Whether a body of this media type is one JSON value, as that of application/problem+json is and JSON Lines are not."""
    kind = kind.split(";")[0].strip()
    return kind == "application/json" or kind.endswith("+json")


class GatewaySpace(Space):
    """Its service account `editor` may run models, `viewer` may only look, `stranger` may nothing."""

    prefix = "gw"

    def prepare(self):
        self.project("forecasts", files=FILES)
        for who, role in (("editor", "modelrun-editor"), ("viewer", "modelrun-viewer"), ("stranger", None)):
            self.post(f"/api/v1/namespaces/{self.name}/serviceaccounts", {"metadata": {"name": who}})
            if role:
                self.bind(who, role, {"kind": "ServiceAccount", "name": who, "namespace": self.name})

    def bind(self, name, role, subject):
        body = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [subject],
        }
        self.post(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.name}/rolebindings", body)

    def token(self, who, audience=AUDIENCE):
        body = {"spec": {"audiences": [audience], "expirationSeconds": 600}}
        path = f"/api/v1/namespaces/{self.name}/serviceaccounts/{who}/token"
        return self.post(path, body)["status"]["token"]


class Endpoint:
    """A gateway as its clients see it, on plain HTTP. `served_as` is the Host that it is asked for, if that is not its address."""

    def __init__(self, address, port, served_as=None):
        self.address, self.port, self.served_as = address, port, served_as
        self.tokens = set()  # that it was sent

    def _fields(self, token, headers=()):
        fields = dict(headers)
        if self.served_as:
            fields["Host"] = self.served_as
        if token:
            self.tokens.add(token)
            fields["Authorization"] = f"Bearer {token}"
        return fields

    @contextlib.contextmanager
    def stream(self, path, token):
        """The answer's lines, as they come."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=180)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=self._fields(token))
            yield (line.decode() for line in connection.getresponse())

    def ask(self, method, path, token=None, body=None, **headers):
        """(status, headers, JSON or text)"""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=180)
        fields = self._fields(token, {name.replace("_", "-"): value for name, value in headers.items()})
        if body is not None:
            fields["Content-Type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), fields)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        kind = answer.getheader("Content-Type", "")
        return answer.status, answer.headers, json.loads(text) if is_json(kind) else text

    def tool(self, name, arguments, token, modern=False, ask=None, **headers):
        """The result of MCP's tools/call; `ask` sends the request in place of self.ask."""
        params = {"name": name, "arguments": arguments}
        if modern:
            prefix = "io.modelcontextprotocol/"
            params["_meta"] = {prefix + "protocolVersion": "2026-07-28", prefix + "clientCapabilities": {}}
            headers = {**MODERN, "Mcp_Name": name, **headers}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        status, _, answer = (ask or self.ask)("POST", "/mcp", token, body, **headers)
        if isinstance(answer, str) and status == 200:  # a stream; the answer is its last message
            answer = json.loads([line for line in answer.splitlines() if line.startswith("data: ")][-1][6:])
        same((status, answer if status != 200 else ""), (200, ""))
        return answer["result"]


class Gateway(Endpoint):
    """The process. Ends with `with`."""

    def __init__(self, space, *flags, kubeconfig=None):
        super().__init__("127.0.0.1", 0)
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".gateway.log", delete=False)
        command = [
            binary("modelrun-gateway"),
            "--kubeconfig", kubeconfig or space.cluster.kubeconfig,
            "--token-namespace", space.name,
            "--listen", "127.0.0.1:0",
            "--http-listen", "127.0.0.1:0",
            "--log-format", "json",
            *(() if "--drain" in flags else ("--drain", "0")),
            *flags,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stderr=self.log)

    def __enter__(self):
        def listening():
            if self.process.poll() is not None:
                raise AssertionError(f"the gateway ended: {self.text()}")
            lines = [line for line in self.text().splitlines() if '"ready"' in line]
            return json.loads(lines[0]) if lines else None

        ready = wait_for(listening, 20, "the gateway is ready")
        self.port = int(ready["listen"].rsplit(":", 1)[1])
        self.probes = int(ready["probes"].rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, kind, *unused):
        self.stop()
        leaked = self.leaked()
        os.unlink(self.log.name)
        assert kind or not leaked, leaked

    def leaked(self):
        """Lines of the log that hold a token, or a part of one that is worth having."""
        parts = {part for token in self.tokens for part in (token, *token.split(".")[1:]) if len(part) > 20}
        return [line for line in self.text().splitlines() if any(part in line for part in parts)]

    def memory(self):
        """Bytes of the process that are resident."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        """Ends it as the kubelet would; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def metrics_until(self, name, value):
        """Waits until the metric has the value."""

        def reached():
            connection = http.client.HTTPConnection("127.0.0.1", self.probes, timeout=30)
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
            connection.close()
            found = [float(line.split()[1]) for line in lines if line.split()[0] == name]
            return found == [value]

        wait_for(reached, 60, f"{name} is {value}")

    def text(self):
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()


def in_background(function, *args):
    """Starts it on a thread; join() gives its value."""
    box = {}
    thread = threading.Thread(target=lambda: box.update(value=function(*args)))
    thread.start()

    def join():
        thread.join(180)
        assert "value" in box, "the call did not come back"
        return box["value"]

    return join


def finished(gateway, token, run_id):
    def over():
        run = gateway.ask("GET", f"/v1/runs/{run_id}", token)[2]
        return run if run["status"] in FINAL else None

    return wait_for(over, 60, f"run {run_id} is over")


def lane_of(name, function):
    """The lane of a case. Cases of one lane run one after the other, and the lanes at the same time: what mostly waits, what needs the
    browser, and the rest."""
    if name in BESIDE:
        return "beside"
    return "page" if function.__module__.startswith("cases_page") else "client"


def run_lane(cases):
    """Every case of a lane gets the same namespace and the same gateway; gives the outcomes."""
    space = GatewaySpace(Cluster(), "tests")

    def story(failed):
        return space.story() if failed else ""

    try:
        space.prepare()
        with Gateway(space) as gateway:
            outcomes = [attempt(name, functools.partial(function, space, gateway), story) for name, function in cases]
            outcomes.append(attempt("no_token_in_the_log", lambda: same(gateway.leaked(), [])))
    finally:
        space.remove()
    return outcomes


def main(patterns):
    lanes, alone = {}, []
    for name, function, disturbs in chosen_by(patterns):
        (alone if disturbs else lanes.setdefault(lane_of(name, function), [])).append((name, function))
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(lanes))) as pool:
        outcomes = [outcome for lane in pool.map(run_lane, lanes.values()) for outcome in lane]
    return count(outcomes + (run_lane(alone) if alone else []))


__all__ = ["Endpoint", "Gateway", "GatewaySpace", "binary", "finished", "in_background", "main", "wait_for"]
