"""The recorded series, and those that operator and gateway serve, against docs/metrics.md."""

import contextlib
import os
import subprocess
import tempfile
import threading
import urllib.request

import yaml

from api_stub import Stub
from cluster import wait_for
from harness import Skip, case
from scrape import PAGE, PROGRAMS, documented, free_port, labels_in, recorded
from suite import ROOT, check, read

BINARIES = os.environ.get("BINARIES", os.path.join(ROOT, "build", "release", "bin"))


@case
def recorded_series_are_those_of_the_page():
    """So a metric that is added to the source, and by hack/verify to the page, is added here too."""
    found = {}
    for program in PROGRAMS:
        for name, (kind, labels) in labels_in(recorded(program)).items():
            check(found.setdefault(name, (kind, labels)) == (kind, labels), f"{name}: {found[name]}, but of the {program} {kind} {labels}")
    page = documented()
    check(len(page) > 30, f"only {len(page)} metrics were found in {PAGE}")
    wrong = {name: (found.get(name), page.get(name)) for name in found.keys() | page.keys() if found.get(name) != page.get(name)}
    check(not wrong, f"recorded and documented differ: {wrong}")


@contextlib.contextmanager
def started(program, server, *flags):
    """The program with an API server at this URL; yields what gives its metrics, or an empty text as long as it does not answer."""
    path = os.path.join(BINARIES, program)
    if not os.path.exists(path):
        raise Skip(f"there is no {os.path.relpath(path, ROOT)}")
    with tempfile.TemporaryDirectory() as folder:
        config, log_path, port = os.path.join(folder, "kubeconfig"), os.path.join(folder, "log"), free_port()
        with open(config, "w", encoding="utf-8") as file:
            yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "it",
                            "clusters": [{"name": "it", "cluster": {"server": server}}],
                            "users": [{"name": "it", "user": {}}],
                            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}, file)
        with open(log_path, "wb") as log:
            process = subprocess.Popen([path, f"--kubeconfig={config}", f"--http-listen=127.0.0.1:{port}", *(flag.format(folder=folder) for flag in flags)],
                                       stdout=log, stderr=log, start_new_session=True)

        def metrics():
            check(process.poll() is None, f"{program} has ended: {read(log_path)[-2000:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    return answer.read().decode()
            except OSError:
                return ""

        try:
            yield metrics
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def agree(text, *expected):
    """Every metric of the text is on the page as it is served, and the expected ones are in the text."""
    found, page = labels_in(text), documented()
    check(set(expected) <= found.keys(), f"missing: {set(expected) - found.keys()}")
    wrong = {name: (found[name], page.get(name)) for name in found if found[name] != page.get(name)}
    check(not wrong, f"served and documented differ: {wrong}")


@case
def gateway_serves_what_the_page_says():
    """While it looks for an API server that is not there."""
    with started("modelrun-gateway", f"http://127.0.0.1:{free_port()}", f"--listen=127.0.0.1:{free_port()}", "--token-namespace=tokens") as metrics:
        text = wait_for(lambda: metrics() if "modelrun_api_requests_total{" in metrics() else "", 30, "the gateway's first request")
    agree(text, "modelrun_gateway_waiting", "process_start_time_seconds")


def run_of(name, **spec):
    return {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRun", "metadata": {"name": name, "namespace": "team"}, "spec": {"project": "none", "scope": "project", **spec}}


@case
def operator_serves_what_the_page_says():
    """While it leads, has ended a run that is cancelled, and has another wait for its project."""
    runs = {f"/apis/modelrun.dev/v1alpha1/namespaces/team/modelruns/{each['metadata']['name']}": each for each in (run_of("waits"), run_of("cancelled", cancel=True))}
    server = Stub(runs)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    run_server = f"127.0.0.1:{free_port()}"
    flags = ["--namespace=system", "--leader-elect", "--agent-image=agent", "--default-image=python", f"--run-server-listen={run_server}",
             f"--run-server-advertise={run_server}", "--source-cache={folder}/cache", "--source-socket={folder}/source"]
    try:
        with started("modelrun-operator", server.url, *flags) as metrics:

            def has_ended_one():
                text = metrics()
                wanted = ('modelrun_runs_finished_total{phase="Cancelled",reason="Cancelled"} 1', 'modelrun_runs{reason="ProjectNotFound"} 1', "modelrun_leader 1")
                return text if all(line in text for line in wanted) else ""

            text = wait_for(has_ended_one, 30, "the operator leads, has ended a run and has another wait")
    finally:
        server.stop()
        thread.join()
    agree(text, "modelrun_queue_depth", "modelrun_queue_wait_seconds", "modelrun_reconcile_total", "modelrun_reconcile_seconds", "modelrun_workers", "modelrun_workers_busy",
          "modelrun_watch_synced", "modelrun_api_request_seconds", "modelrun_oldest_pending_run_seconds", "modelrun_runs_overdue", "modelrun_results_held_bytes",
          "modelrun_run_server_connections", "process_start_time_seconds")
