"""The recorded series, and the gateway's own, against docs/metrics.md."""

import os
import subprocess
import tempfile
import urllib.request

import yaml

from scrape import PAGE, PROGRAMS, documented, free_port, labels_in, recorded, until
from suite import ROOT, Skip, case, check, read

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


@case
def gateway_serves_what_the_page_says():
    """The gateway's own /metrics, while it looks for an API server that is not there."""
    program = os.path.join(BINARIES, "modelrun-gateway")
    if not os.path.exists(program):
        raise Skip(f"there is no {os.path.relpath(program, ROOT)}")
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "kubeconfig")
        with open(config, "w", encoding="utf-8") as file:
            yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "none",
                            "clusters": [{"name": "none", "cluster": {"server": f"http://127.0.0.1:{free_port()}"}}],
                            "users": [{"name": "none", "user": {}}],
                            "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}]}, file)
        port = free_port()
        with open(os.path.join(folder, "log"), "wb") as log:
            process = subprocess.Popen(
                [program, f"--kubeconfig={config}", f"--http-listen=127.0.0.1:{port}", f"--listen=127.0.0.1:{free_port()}", "--insecure-http", "--token-namespace=tokens"],
                stdout=log, stderr=log, start_new_session=True)

        def text():
            check(process.poll() is None, f"the gateway has ended: {read(os.path.join(folder, 'log'))[-2000:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    body = answer.read().decode()
                return body if "modelrun_api_requests_total" in body else ""
            except OSError:
                return ""

        try:
            found = labels_in(until("the gateway's metrics", 30, text))
        finally:
            process.terminate()
            process.wait(30)
    page = documented()
    check({"modelrun_gateway_waiting", "process_resident_memory_bytes"} <= found.keys(), f"it serves {sorted(found)}")
    wrong = {name: (found[name], page.get(name)) for name in found if found[name] != page.get(name)}
    check(not wrong, f"served and documented differ: {wrong}")
