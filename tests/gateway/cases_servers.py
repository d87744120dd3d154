"""The gateway as a server: it ends without dropping anything, and schemathesis finds nothing that the OpenAPI document does not say."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse

from cluster import RUNS
from gateway import SYNC, Gateway, finished, wait_for
from harness import case, same
from load import UNLIMITED


def status_of(port, path, token=None, seconds=30):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status
    finally:
        connection.close()


@case
def it_ends_unready_first_and_drops_nothing(space, gateway):
    token = space.token("editor")
    with Gateway(space, "--drain", "5") as other:
        same(status_of(other.port, "/readyz"), 200)
        waiting = threading.Event()
        answers = []

        def wait_for_a_run():
            waiting.set()
            answers.append(other.ask("POST", "/v1/runs", token, SYNC)[2].get("status"))

        thread = threading.Thread(target=wait_for_a_run)
        thread.start()
        waiting.wait(30)
        other.process.send_signal(signal.SIGTERM)
        wait_for(lambda: status_of(other.probes, "/readyz") == 503, 5, "it is unready")
        same(status_of(other.port, "/readyz"), 503)
        same(status_of(other.port, "/v1/runs", token), 200)  # a new connection, still
        thread.join(120)
        same(answers, ["success"])
        same(other.process.wait(60), 0)


class Relay:
    """Stands before the API server. While `stalled` is set it takes connections and requests, and passes nothing on."""

    def __init__(self, server):
        self.server = urllib.parse.urlsplit(server)
        self.stalled = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):  # it is closed
            while True:
                client, _ = self.socket.accept()
                try:
                    server = socket.create_connection((self.server.hostname, self.server.port))
                except OSError:
                    client.close()
                    continue
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self.pass_on, args=pair, daemon=True).start()

    def pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                wait_for(lambda: not self.stalled.is_set(), 120, "the relay goes on")
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@case
def api_server_that_does_not_answer(space, gateway):
    """The gateway is unready then, and no request waits for long; the sockets of the test give up after 25 s."""
    token = space.token("editor")
    with open(space.cluster.kubeconfig, encoding="utf-8") as file:
        kubeconfig = file.read()
    server = re.search(r"https://[0-9.]+:[0-9]+", kubeconfig)[0]
    relay = Relay(server)
    with contextlib.closing(relay.socket), tempfile.NamedTemporaryFile("w", suffix=".kubeconfig") as file:
        file.write(kubeconfig.replace(server, f"https://127.0.0.1:{relay.port}"))
        file.flush()
        with Gateway(space, kubeconfig=file.name) as other:
            wait_for(lambda: status_of(other.port, "/readyz") == 200, 30, "it is ready")
            paths = ["/v1/projects", "/v1/runs/11111111-2222-4333-8444-555555555555"]
            same([status_of(other.port, path, token) for path in paths], [200, 404])
            relay.stalled.set()
            with concurrent.futures.ThreadPoolExecutor() as pool:
                same(list(pool.map(lambda path: status_of(other.port, path, token, seconds=25), paths)), [503, 503])
            wait_for(lambda: status_of(other.port, "/readyz") == 503, 60, "it is unready")
            relay.stalled.clear()
            wait_for(lambda: status_of(other.port, "/readyz") == 200, 60, "it is ready again")
            same(status_of(other.port, paths[0], token), 200)


# They make runs with what a project of the space has, and wait for these.
STARTERS = ["run", "sweep", "compare_branches", "explain_runs"]


def schemathesis(gateway, token, run, *arguments):
    """Has schemathesis look at the server. Fails with what it has found."""
    # Names that exist, so that the operations answer with more than 404.
    examples = {"run_id": run["run_id"], "output_name": "revenue"}
    settings = "".join(f'"path.{name}" = "{value}"\n' for name, value in examples.items())
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "schemathesis.toml")
        with open(config, "w", encoding="utf-8") as file:
            # 414 and 431 refuse as well, before anything is looked at.
            refusals = [400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 428, 429, 431, "5xx"]
            file.write(f"[checks]\nnegative_data_rejection.expected-statuses = {json.dumps([str(each) for each in refusals])}\n")
            file.write("[parameters]\n" + settings)
        program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
        command = [
            program, "--config-file", config, "run", f"{gateway.url}/openapi.json", "--header", f"Authorization: Bearer {token}",
            # A cursor, an offset beyond the end and the like are refused although no schema can say so.
            "--checks", "all", "--exclude-checks", "positive_data_acceptance",
            # The same requests each time: what others would find is looked for without --seed.
            "--seed", "327093895577644315392107090492840203206", "--request-timeout", "30", "--no-color", *arguments,
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        raise AssertionError(f"schemathesis {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")


@case(beside=True)
def schemathesis_finds_nothing(space, _):
    token = space.token("editor")
    with Gateway(space, *UNLIMITED) as gateway:
        run = finished(gateway, token, gateway.ask("POST", "/v1/runs", token, SYNC)[2]["run_id"])
        # A log is a stream without an end.
        excluded = [each for name in ["get_logs", *STARTERS] for each in ("--exclude-operation-id", name)]
        schemathesis(gateway, token, run, "--phases", "examples,coverage,fuzzing", "--max-examples", "30", *excluded)
        same(gateway.ask("GET", f"/v1/runs/{run['run_id']}", token)[2]["status"], "success")


@case(beside=True)
def schemathesis_starts_nothing_with_wrong_arguments(space, _):
    token = space.token("editor")
    with Gateway(space, *UNLIMITED) as gateway:
        run = finished(gateway, token, gateway.ask("POST", "/v1/runs", token, SYNC)[2]["run_id"])
        runs = len(space.items(RUNS))
        included = [each for name in STARTERS for each in ("--include-operation-id", name)]
        schemathesis(gateway, token, run, "--phases", "coverage", "--mode", "negative", *included)
        same(len(space.items(RUNS)), runs)
