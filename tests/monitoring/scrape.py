"""Series of every metric for Prometheus to scrape: recorded texts, served by a small exporter, and a Prometheus that scrapes them."""

import contextlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

import yaml

from cluster import wait_for
from local_server import Answers
from suite import ALERTS, HERE, ROOT, check, read

PROGRAMS = ("operator", "gateway")
PAGE = os.path.join(ROOT, "docs", "metrics.md")
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")


def recorded(program):
    return read(os.path.join(HERE, f"recorded_{program}.txt"))


def kinds(text):
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def metric_of(series, types):
    """A histogram has three series."""
    return series if series in types else re.sub(r"_(bucket|sum|count)$", "", series)


def grown(text, times):
    """The text after so many scrapes: what only rises has risen, gauges are as they were."""
    types = kinds(text)
    lines = []
    for line in text.splitlines():
        sample = SAMPLE.match(line)
        if sample and types[metric_of(sample[1], types)] != "gauge":
            line = line[: sample.start(3)] + f"{float(sample[3]) * times:g}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def labels_in(text):
    """{metric: (type, labels)} of a text in Prometheus's format; `le` belongs to the type."""
    types = kinds(text)
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            sample = SAMPLE.match(line)
            check(sample, f"no sample: {line}")
            name = metric_of(sample[1], types)
            check(name in types, f"no type: {line}")
            found.setdefault(name, (types[name], set()))[1].update(set(re.findall(r"(\w+)=\"", sample[2] or "")) - {"le"})
    return found


def documented():
    """The same of docs/metrics.md."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\|", read(PAGE), re.MULTILINE)
    return {name: (kind, set(re.findall(r"`([a-z_]+)`", labels))) for name, kind, labels in rows}


class Exporter(http.server.ThreadingHTTPServer):
    """Serves /operator and /gateway. Counters rise with each scrape."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.scrapes = dict.fromkeys(PROGRAMS, 0)

    def handle_error(self, request, client_address):
        """A scrape that took too long or was under way at the end has nobody to answer to; one that fails otherwise leaves its target down."""


class Answer(Answers):
    def do_GET(self):
        program = self.path.strip("/")
        if program not in PROGRAMS:
            self.send_error(404)
            return
        self.server.scrapes[program] += 1
        self.answer(200, grown(recorded(program), self.server.scrapes[program]).encode(), "text/plain; version=0.0.4")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """A real one, on a free port of loopback, with its data in a folder that goes with it."""

    def __init__(self, folder, targets):
        self.log = os.path.join(folder, "log")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        jobs = [{
            "job_name": program, "metrics_path": f"/{program}", "honor_labels": False,
            "static_configs": [{"targets": [address], "labels": {"job": "modelrun", "component": program, "namespace": "modelrun-system", "pod": f"modelrun-{program}-a"}}],
        } for program, address in targets.items()]
        config = {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "1s"}, "rule_files": [ALERTS], "scrape_configs": jobs}
        path = os.path.join(folder, "prometheus.yaml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
                stdout=log, stderr=log, start_new_session=True)

    def get(self, path, **parameters):
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.code} {error.read().decode()[:1000]}") from None

    def scraped(self):
        """How many of its targets are up; 0 while it does not answer."""
        check(self.process.poll() is None, f"Prometheus has ended: {read(self.log)[-2000:]}")
        try:
            urllib.request.urlopen(f"{self.url}/-/ready", timeout=10).close()
            return sum(float(row["value"][1]) for row in self.get("/api/v1/query", query="up")["result"])
        except OSError:
            return 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def prometheus():
    """Scrapes the recorded texts of all programs."""
    with Exporter() as exporter, tempfile.TemporaryDirectory(prefix="modelrun-prometheus-") as folder:
        thread = threading.Thread(target=exporter.serve_forever, daemon=True)
        thread.start()
        try:
            server = Prometheus(folder, dict.fromkeys(PROGRAMS, f"127.0.0.1:{exporter.server_address[1]}"))
            try:
                wait_for(lambda: server.scraped() == len(PROGRAMS), 60, "Prometheus scrapes")
                yield server
            finally:
                server.stop()
        finally:
            exporter.shutdown()
            thread.join()
