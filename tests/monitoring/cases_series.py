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
from local_server import LocalServer, server_tls
from receiver import Receiver, new_key
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


def operator_flags(*further):
    run_server = f"127.0.0.1:{free_port()}"
    return ["--namespace=system", "--leader-elect", "--lease-duration=3", "--agent-image=agent", "--default-image=python", f"--run-server-listen={run_server}",
            f"--run-server-advertise={run_server}", "--source-cache={folder}/cache", "--source-socket={folder}/source", *further]


@contextlib.contextmanager
def api_of(*runs):
    """A stub of an API server that has these runs."""
    server = Stub({f"/apis/modelrun.dev/v1alpha1/namespaces/team/modelruns/{each['metadata']['name']}": each for each in runs})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


@case
def operator_serves_what_the_page_says():
    """While it leads, has ended a run that is cancelled, and has another wait for its project."""
    with api_of(run_of("waits"), run_of("cancelled", cancel=True)) as server, started("modelrun-operator", server.url, *operator_flags()) as metrics:

        def has_ended_one():
            text = metrics()
            wanted = ('modelrun_runs_finished_total{phase="Cancelled",reason="Cancelled"} 1', 'modelrun_runs{reason="ProjectNotFound"} 1', "modelrun_leader 1")
            return text if all(line in text for line in wanted) else ""

        text = wait_for(has_ended_one, 30, "the operator leads, has ended a run and has another wait")
    agree(text, "modelrun_queue_depth", "modelrun_queue_wait_seconds", "modelrun_reconcile_total", "modelrun_reconcile_seconds", "modelrun_workers", "modelrun_workers_busy",
          "modelrun_watch_synced", "modelrun_api_request_seconds", "modelrun_oldest_pending_run_seconds", "modelrun_runs_overdue", "modelrun_results_held_bytes",
          "modelrun_run_server_connections", "process_start_time_seconds")


@case
def operator_serves_what_the_page_says_of_events():
    """It tells a receiver over HTTPS of a run that it has ended. The receiver fails; the operator ends, and the next one delivers the same event."""
    key = new_key()
    receiver = Receiver([key])
    receiver.status = 500
    with tempfile.TemporaryDirectory() as folder:
        tls, keys = server_tls(folder, "IP:127.0.0.1"), os.path.join(folder, "keys")
        with open(keys, "w", encoding="utf-8") as file:
            file.write(key + "\n")
        with api_of(run_of("cancelled", cancel=True)) as server, LocalServer("127.0.0.1", receiver.handler(), tls) as sink:
            (path,) = [path for path in server.objects if path.endswith("/modelruns/cancelled")]
            flags = operator_flags(f"--events-url=https://127.0.0.1:{sink.port}/in", f"--events-key-file={keys}", f"--events-ca-file={folder}/ca.crt", "--events-source=/test")

            def state():
                return server.objects[path].get("status", {}).get("endEvent", {}).get("state")

            def owes():
                text = metrics()
                return text if "modelrun_end_events_owed 1" in text and 'modelrun_end_event_tries_total{result="error"} 2' in text else ""

            with started("modelrun-operator", server.url, *flags) as metrics:
                text = wait_for(owes, 30, "two tries have failed")
            check(state() == "Pending", f"the event is {state()}")
            agree(text, "modelrun_end_events_owed", "modelrun_end_events_oldest_seconds", "modelrun_end_event_tries_total")
            receiver.status = 204
            with started("modelrun-operator", server.url, *flags) as metrics:
                text = wait_for(lambda: text if 'modelrun_end_events_total{state="Delivered"} 1' in (text := metrics()) else "", 30, "the event is delivered")
            check(state() == "Delivered", f"the event is {state()}")
            agree(text, "modelrun_end_events_total", "modelrun_end_event_seconds", "modelrun_end_events_owed")
            found = receiver.of("cancelled")
            check([code for code, _, _ in found].count(204) == 1, f"answered with {[code for code, _, _ in found]}")
            check(len({event["id"] for _, _, event in found}) == 1, "the id has changed")
            check(found[-1][2]["type"] == "dev.modelrun.run.cancelled", found[-1][2])
            check(found[-1][2]["source"] == "/test/namespaces/team", found[-1][2])
