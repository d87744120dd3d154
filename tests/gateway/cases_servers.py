"""The gateway as a server: it ends without dropping anything, and schemathesis finds nothing that the OpenAPI document does not say."""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading

from gateway import SYNC, Gateway, finished, wait_for
from harness import case, same


def status_of(port, path, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
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


@case
def schemathesis_finds_nothing(space, gateway):
    token = space.token("editor")
    run = finished(gateway, token, gateway.ask("POST", "/v1/runs", token, SYNC)[2]["run_id"])
    # Names that exist, so that the operations answer with more than 404.
    examples = {"run_id": run["run_id"], "output_name": "revenue"}
    settings = "".join(f'"path.{name}" = "{value}"\n' for name, value in examples.items())
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "schemathesis.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("[parameters]\n" + settings)
        program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
        command = [
            program, "--config-file", config, "run", f"{gateway.url}/openapi.json",
            "--header", f"Authorization: Bearer {token}",
            "--phases", "examples,coverage,fuzzing",
            # A log is a stream without an end, and run starts pods.
            "--exclude-operation-id", "get_logs", "--exclude-operation-id", "run",
            "--checks", "not_a_server_error,content_type_conformance,response_schema_conformance,response_headers_conformance",
            "--max-examples", "30", "--rate-limit", "15/s", "--request-timeout", "30", "--no-color",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    same((done.returncode, done.stdout[-4000:] if done.returncode else ""), (0, ""))
    same(gateway.ask("GET", f"/v1/runs/{run['run_id']}", token)[2]["status"], "success")
