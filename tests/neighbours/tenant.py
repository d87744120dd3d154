"""The tenant who does nothing wrong: nine runs at a time and ten callers of the gateway, and what each of them had to wait."""

import datetime
import math
import threading
import time
import typing

from cluster import FINAL, RUNS, ApiError, reason_of, wait_for
from gateway import SYNC, GatewaySpace

RUNS_AT_A_TIME = 9
SLOTS = 3
CALLERS = 10
PERIOD = 1.0  # seconds from one request of a caller to its next: ten of them stay below the 20 a second that one caller may send
STEADY = "neighbours.test/steady"
PATIENCE = 300  # seconds after which a run that is not over counts as stopped
FILES = {
    "run.py": """
import json
n = json.load(open('/inputs/parameters.json'))['n']
result = {'n': n, 'square': n * n}
"""
}


def moment(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def percentile(values, share):
    """The smallest value that at least this share of `values` does not exceed; None without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


class Sample(typing.NamedTuple):
    """One run or request."""

    begun: float  # by the machine's clock
    kind: str  # "run": created in the API server; "call" of the gateway that reads; "model": a call that runs a model and waits
    seconds: float
    wrong: str = ""  # what was wrong with it


class Tenant(GatewaySpace):
    """Begins with start(), ends with stop(). Samples are kept; between(...) gives those that began in a window."""

    prefix = "nb"

    def __init__(self, cluster, gateway):
        super().__init__(cluster, "good")
        self.gateway = gateway
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.samples = []  # guarded by lock
        self.created = {}  # name: (when, n) of runs that are not over; guarded by lock
        self.next = 0
        self.threads = []

    # ---- what it has

    def prepare(self):
        super().prepare()
        url = self.repo(FILES)
        self.project("steady", url=url, limits={"maxConcurrentRuns": SLOTS}, history={"podSeconds": 5, "successful": 20, "includeApplied": True})
        self.project("kept", url=url)
        self.project("small", url=url, history={"podSeconds": 5, "successful": 20})
        self.renew()
        answer = wait_for(lambda: (a := self.call(project="kept"))[0] == 200 and a[2], 60, "the gateway knows the tenant's right")
        self.kept = answer["run_id"]

    def renew(self):
        """Tokens are good for ten minutes."""
        self.bearer, self.until = self.token("editor"), time.monotonic() + 300

    def call(self, n=0, project="small"):
        return self.gateway.ask("POST", "/v1/runs", self.bearer, {**SYNC, "project_name": project, "parameters": {"n": n}})

    def start(self):
        self.threads = [threading.Thread(target=self.keep_runs)]
        self.threads += [threading.Thread(target=self.keep_calling, args=(i,)) for i in range(CALLERS)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def between(self, windows, kind=None):
        """The samples that began in one of the windows [(begin, end)], of a kind or of all."""
        with self.lock:
            samples = list(self.samples)
        return [s for s in samples if kind in (None, s.kind) and any(begin <= s.begun < end for begin, end in windows)]

    def wait_for_runs_of(self, begin, end):
        """Until every run that was created in the window is over, or has been waited for long enough."""
        wait_for(lambda: not self._open(begin, end), PATIENCE, "the good tenant's runs of this window are over")

    def _open(self, begin, end):
        with self.lock:
            return [name for name, (when, _) in self.created.items() if begin <= when < end]

    def _add(self, sample):
        with self.lock:
            self.samples.append(sample)

    # ---- runs

    def keep_runs(self):
        while not self.over.wait(0.2):
            try:
                self.collect()
                while len(self.created) < RUNS_AT_A_TIME:
                    self.create()
            except (ApiError, OSError) as error:
                self._add(Sample(time.time(), "run", 0.0, f"the API server: {error}"))
                self.over.wait(1)

    def create(self):
        name, n = f"steady-{self.next}", self.next
        with self.lock:
            self.created[name] = (time.time(), n)
        self.next += 1
        try:
            self.run(name, project="steady", labels={STEADY: "true"}, parameters={"n": n})
        except (ApiError, OSError):
            with self.lock:
                del self.created[name]
            raise

    def collect(self):
        there = {run["metadata"]["name"]: run.get("status", {}) for run in self.items(RUNS, STEADY)}
        for name, (begun, n) in list(self.created.items()):
            status = there.get(name, {})
            if status.get("phase") in FINAL:
                wrong = "" if status["phase"] == "Succeeded" and status.get("outputs") == {"n": n, "square": n * n} else (
                    f"{name}: {status['phase']} {reason_of(status)} {status.get('outputs')} {status.get('message')}"
                )  # fmt: skip
                self.ended(name, Sample(begun, "run", moment(status["timeline"]["recorded"]) - begun, wrong))
                self.delete(f"{RUNS.format(self.name)}/{name}")
            elif time.time() - begun > PATIENCE:
                self.ended(name, Sample(begun, "run", PATIENCE, f"{name}: not over after {PATIENCE} s: {status.get('message')}"))

    def ended(self, name, sample):
        with self.lock:
            del self.created[name]
            self.samples.append(sample)

    # ---- callers

    def keep_calling(self, number):
        work = [self.get_run] * 4 + [self.list_runs] * 3 + [self.get_run_by_mcp] * 2 + [self.run_model]
        # Not all at the same moment of each period.
        self.over.wait(PERIOD * number / CALLERS)
        n = 0
        while not self.over.is_set():
            n += 1
            if number == 0 and time.monotonic() > self.until:
                self.renew()
            self.sample(work[number], n)
            self.over.wait(PERIOD)

    def sample(self, work, n):
        begun, clock = time.time(), time.monotonic()
        kind = "model" if work == self.run_model else "call"
        try:
            work(n)
            wrong = ""
        except Exception as error:  # pylint: disable=broad-except  # whatever it is, the caller did not get its answer
            wrong = f"{work.__name__}: {type(error).__name__}: {error}"
        self._add(Sample(begun, kind, time.monotonic() - clock, wrong))

    def answered(self, answer):
        status, _, body = answer
        assert status == 200, f"{status} {str(body)[:300]}"
        return body

    def get_run(self, _):
        body = self.answered(self.gateway.ask("GET", f"/v1/runs/{self.kept}", self.bearer))
        assert body["status"] == "success", body["status"]

    def list_runs(self, _):
        body = self.answered(self.gateway.ask("GET", "/v1/runs?project_name=steady&limit=10", self.bearer))
        assert isinstance(body["runs"], list)

    def get_run_by_mcp(self, _):
        result = self.gateway.tool("get_run", {"run_id": self.kept}, self.bearer, modern=True)
        assert not result["isError"], str(result)[:300]

    def run_model(self, n):
        body = self.answered(self.call(n))
        assert (body["status"], body["outputs"]) == ("success", {"n": n, "square": n * n}), str(body)[:300]
