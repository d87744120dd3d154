"""The tenant who attacks: a namespace of its own for each attack, and the list of attacks."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time

from cluster import RUNS, hack, wait_for
from gateway import GatewaySpace

ATTACKS = []  # (name, function), in the order of the table
SHORT = set()  # names of those that the short form makes
FLOOD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flood.py")


def attack(function=None, *, short=False):
    """Registers function(attacker), which attacks while attacker.going() and gives how much it did: a number, or text that begins
    with one. It fails when the attack did not take place, or when what the product promises the attacker does not hold."""

    def register(function):
        ATTACKS.append((function.__name__, function))
        if short:
            SHORT.add(function.__name__)
        return function

    return register(function) if function else register


class Attacker(GatewaySpace):
    """Its clients have the node's address, which is not that of the good tenant's."""

    prefix = "nb"

    def __init__(self, cluster, name, gateway, product, seconds):
        super().__init__(cluster, name.replace("_", "-")[:30].strip("-"))
        self.gateway, self.product, self.seconds = gateway, product, seconds
        self.until = None

    def begin(self):
        self.until = time.monotonic() + self.seconds

    def going(self):
        return time.monotonic() < self.until

    def go_on(self):
        """Waits for the end of the attack's time."""
        threading.Event().wait(max(0.0, self.until - time.monotonic()))

    # ---- runs

    def batch(self, count, first=0, seconds=120, **spec):
        """Creates so many runs and gives their statuses when all are over; the runs are deleted."""
        names = [f"r{first + i}" for i in range(count)]
        for name in names:
            self.run(name, **spec)
        ends = [self.finish(name, seconds) for name in names]
        for name in names:
            self.delete(f"{RUNS.format(self.name)}/{name}")
        return ends

    def batches(self, size, check, **spec):
        """One batch after the other while the time lasts, at least one; each end has to pass check(status). Gives how many runs."""
        count = 0
        while count == 0 or self.going():
            for end in self.batch(size, count, **spec):
                assert check(end), json.dumps(end)[:1500]
            count += size
        return count

    # ---- connections

    def wait_for_right(self, who="viewer", project="forecasts"):
        """A token of the account, once the gateway knows what it may."""
        token = self.token(who)
        path = f"/v1/runs?project_name={project}"
        wait_for(lambda: self.gateway.ask("GET", path, token)[0] == 200, 30, "the attacker's right is seen")
        return token

    @contextlib.contextmanager
    def flood(self, count, request="", then="hold", address=None, port=None):
        """flood.py on the node. Gives a dictionary that has its counts when the block is left. An attacker's clients are on machines of
        their own, and take no time of the processors that the product runs on: here they get what is left of it."""
        order = {
            "address": address or self.gateway.address,
            "port": port or self.gateway.port,
            "count": count,
            "request": request,
            "then": then,
        }
        command = ["nice", "-n", "19", "nsenter", "-t", hack("pid", "kubelet"), "-n", sys.executable, FLOOD]
        told = {}
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            yield told
            told.update(json.loads(process.communicate(timeout=60)[0]))
        finally:
            process.kill()
            process.wait()
        print(f"  {told}", flush=True)

    def head(self, method, path, token=None, **headers):
        """The head of a request to the gateway, as text."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.gateway.served_as}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""])
