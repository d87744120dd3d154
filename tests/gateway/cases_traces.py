"""One trace of a call and its run, as a real OpenTelemetry Collector understands it."""

import contextlib
import hashlib
import json
import os
import secrets
import socket
import subprocess
import tempfile

from cluster import RUNS, wait_for
from gateway import SYNC, Gateway
from hack_library import library
from harness import Skip, case, same

HOST = "10.250.0.1"  # this machine, as the node's pods see it
OPERATOR = "deployment/modelrun-operator"
PARTS = ["resolve", "queue", "pod", "model", "record"]
CONFIGURATION = """
receivers:
  otlp:
    protocols:
      http: {{endpoint: "{host}:{port}"}}
exporters:
  file: {{path: "{path}", flush_interval: 100ms}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
"""


class Collector:
    """The collector of hack/collector, as a process on this machine."""

    def __init__(self, folder, program):
        with socket.create_server((HOST, 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://{HOST}:{port}"
        self.path = os.path.join(folder, "spans.jsonl")
        configuration = os.path.join(folder, "collector.yaml")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(host=HOST, port=port, path=self.path))
        with open(os.path.join(folder, "log"), "wb") as log:
            self.process = subprocess.Popen([program, f"--config=file:{configuration}"], stdout=log, stderr=log, start_new_session=True)
        wait_for(lambda: self.listens(port), 30, "the collector listens")

    def listens(self, port):
        assert self.process.poll() is None, "the collector has ended"
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return True
        return False

    def spans(self, trace_id):
        """Those that have come of a trace, by name; each with what its resource says."""
        found = {}
        if not os.path.exists(self.path):
            return found
        with open(self.path, encoding="utf-8") as file:
            lines = [line for line in file if line.endswith("\n")]  # the last one may not be whole yet
        for line in lines:
            for group in json.loads(line)["resourceSpans"]:
                resource = attributes_of(group["resource"])
                for span in (span for scope in group["scopeSpans"] for span in scope["spans"] if span["traceId"] == trace_id):
                    assert span["name"] not in found, f"{span['name']} has come twice"
                    found[span["name"]] = {**span, "is": attributes_of(span), "of": resource}
        return found

    def wait_for_spans(self, trace_id, names):
        wait_for(lambda: set(names) <= self.spans(trace_id).keys(), 60, f"the spans of trace {trace_id}")
        found = self.spans(trace_id)
        same(set(found), set(names))
        return found


def attributes_of(thing):
    return {each["key"]: next(iter(each["value"].values())) for each in thing.get("attributes", [])}


@contextlib.contextmanager
def collector():
    """With the collector, which the deployed operator exports to."""
    try:
        program = library("find_collector")
    except subprocess.CalledProcessError as error:
        raise Skip("the collector cannot be compiled here: its modules cannot be had") from error
    with tempfile.TemporaryDirectory() as folder:
        running = Collector(folder, program)
        try:
            yield running
        finally:
            running.process.terminate()
            running.process.wait(30)


@contextlib.contextmanager
def operator_exports_to(space, url):
    def kubectl(*args):
        return space.cluster.kubectl("-n", "modelrun-system", *args)

    def pods():
        return json.loads(kubectl("get", "pods", "-l", "app.kubernetes.io/component=operator", "-o", "json"))["items"]

    def change(setting):
        before = {pod["metadata"]["uid"] for pod in pods()}
        kubectl("set", "env", OPERATOR, "--containers=operator", setting)
        # The one that leads ends last: until then it is the one that exports.
        wait_for(lambda: not before & {pod["metadata"]["uid"] for pod in pods()}, 120, "the operator's old pods are gone")
        kubectl("rollout", "status", OPERATOR, "--timeout=120s")

    change(f"OTEL_EXPORTER_OTLP_ENDPOINT={url}")
    try:
        yield
    finally:
        change("OTEL_EXPORTER_OTLP_ENDPOINT-")


def check_run(spans, name, namespace):
    """The run's own spans: one after the other, each within the run, and each with the run's name."""
    root = spans["ModelRun"]
    for part in PARTS:
        same((part, spans[part]["parentSpanId"]), (part, root["spanId"]))
    for part in ["ModelRun", *PARTS]:
        span = spans[part]
        same((part, span["is"]["modelrun.run.name"], span["is"]["k8s.namespace.name"]), (part, name, namespace))
        same((part, span["of"]["service.name"], "code" in span.get("status", {})), (part, "modelrun-operator", False))
        times = [int(root["startTimeUnixNano"]), int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]), int(root["endTimeUnixNano"])]
        assert times == sorted(times), (part, times)
    begins = [int(spans[part]["startTimeUnixNano"]) for part in PARTS[1:]]
    assert begins == sorted(begins), begins
    same([root["is"][key] for key in ("modelrun.project", "modelrun.phase", "modelrun.reason")], ["forecasts", "Succeeded", "Succeeded"])
    assert len(root["is"]["modelrun.commit"]) == 40, root["is"]
    same((spans["model"]["is"]["modelrun.exit_code"]), "0")


@case(alone=True)  # another operator leads meanwhile
def one_trace_has_the_call_and_its_run(space, gateway):
    with collector() as running, operator_exports_to(space, running.url), Gateway(space, "--otlp-endpoint", running.url) as traced:
        trace_id, parent = secrets.token_hex(16), secrets.token_hex(8)
        result = traced.tool("run", SYNC, space.token("editor"), traceparent=f"00-{trace_id}-{parent}-01")["structuredContent"]
        same(result["status"], "success")
        spans = running.wait_for_spans(trace_id, ["tools/call run", "ModelRun", *PARTS])
        call, root = spans["tools/call run"], spans["ModelRun"]
        same((call["parentSpanId"], root["parentSpanId"]), (parent, call["spanId"]))
        same((call["of"]["service.name"], call["kind"]), ("modelrun-gateway", 2))
        same((call["is"]["modelrun.run.uid"], root["is"]["modelrun.run.uid"]), (result["run_id"], result["run_id"]))
        same((call["is"]["http.response.status_code"], call["is"]["gen_ai.tool.name"]), ("200", "run"))
        # The call waited for the run. The API server writes the creation of an object in whole seconds.
        assert int(call["startTimeUnixNano"]) - 10**9 < int(root["startTimeUnixNano"]), (call, root)
        assert int(spans["model"]["endTimeUnixNano"]) < int(call["endTimeUnixNano"]), (call, spans["model"])
        run = next(each for each in space.items(RUNS) if each["metadata"]["uid"] == result["run_id"])
        same(run["metadata"]["annotations"]["modelrun.dev/traceparent"], f"00-{trace_id}-{call['spanId']}-01")
        check_run(spans, run["metadata"]["name"], space.name)

        # Whoever makes a run without a gateway names its parent, too.
        own = secrets.token_hex(16)
        space.post(RUNS.format(space.name), {
            "apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRun",
            "metadata": {"name": "by-hand", "annotations": {"modelrun.dev/traceparent": f"00-{own}-{parent}-01"}},
            "spec": {"project": "forecasts", "scope": "model", "modelName": "fails"}})
        spans = running.wait_for_spans(own, ["ModelRun", *PARTS])
        same({name for name, span in spans.items() if span.get("status", {}).get("code") == 2}, {"ModelRun", "model"})
        same((spans["ModelRun"]["is"]["modelrun.reason"], spans["model"]["is"]["modelrun.exit_code"]), ("NonZeroExit", "3"))

        # Without a parent the trace is the run's own.
        made = space.post(RUNS.format(space.name), {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRun", "metadata": {"name": "alone"},
                                                    "spec": {"project": "forecasts", "scope": "project"}})
        alone = hashlib.sha256(f"modelrun trace {made['metadata']['uid']}".encode()).hexdigest()[:32]
        spans = running.wait_for_spans(alone, ["ModelRun", *PARTS])
        assert not spans["ModelRun"].get("parentSpanId"), spans["ModelRun"]
