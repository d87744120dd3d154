"""MCP's conformance suite against the gateway: what each revision of the specification requires of a server.

It knows no tokens, so these gateways have --auth=off, on loopback, as the only ones of the tests. clients/conformance-*.yaml names
what is not expected to pass, and why; an entry there that does pass is a failure too.
"""

import json
import os
import re
import subprocess
import tempfile

from fixture_names import CALLS, Relay
from gateway import Gateway
from harness import case, same
from packages import node, node_package

# The suite waits half a second for these, ten for the last (a whole run), and cannot be told to wait longer; on a busy machine
# that may not do.
HASTY = {
    "server-stateless:sep-2575-http-server-no-independent-requests-on-stream",
    "server-stateless:sep-2575-server-no-log-without-loglevel",
    "tools-call-with-progress:tools-call-with-progress",
}
HERE = os.path.dirname(os.path.abspath(__file__))


def outcomes(directory):
    """The outcomes of each scenario:check; one check may be made several times."""
    found = {}
    for folder in os.listdir(directory):
        scenario = re.fullmatch(r"server-(.*?)-\d{4}-\d\d-\d\dT.*", folder)[1]
        with open(os.path.join(directory, folder, "checks.json"), encoding="utf-8") as file:
            for check in json.load(file):
                found.setdefault(f"{scenario}:{check['id']}", set()).add(check["status"])
    return found


def verdict(words):
    """The suite's exit code, its last words, and the checks that have failed and are not in the baseline."""
    command = [node(), node_package("@modelcontextprotocol/conformance", "conformance"), "server", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    said = done.stdout[done.stdout.rfind("\nTotal:") :] + done.stderr[-2000:]
    return done.returncode, said, set(re.findall(r"^ +✗ (\S+)$", said.partition("Unexpected failures")[2], re.MULTILINE))


def conforms(space, revision, *, also):
    """`also`: scenarios that the suite runs but does not count; here they do. Gives the tools that it has called."""
    baseline = os.path.join(HERE, "clients", f"conformance-{revision}.yaml")
    flags = ["--auth=off", "--default-namespace", space.name, "--rate", "1000", "--burst", "1000"]
    with Gateway(space, *flags) as gateway, Relay(gateway.port) as relay:
        words = ["--url", f"http://127.0.0.1:{relay.port}/mcp", "--requirements", revision, "--expected-failures", baseline]
        for tries_left in (2, 1, 0):
            with tempfile.TemporaryDirectory() as results:
                code, said, failed = verdict([*words, "--output-dir", results])
                found = outcomes(results)
            if code == 0 or not tries_left or not failed or not failed <= HASTY:
                break
        assert code == 0, "\n".join(line for line in said.splitlines() if " ~ " not in line)
        with open(baseline, encoding="utf-8") as file:
            same(set(re.findall(r"^  - (\S+)$", file.read(), re.MULTILINE)) - set(found), set())  # no misspelt entry
        for scenario in also:
            same(set().union(*(status for check, status in found.items() if check.startswith(scenario + ":"))), {"SUCCESS"})
        return relay.called


@case
def conforms_to_2025_11_25(space, gateway):
    called = conforms(space, "2025-11-25", also=())
    same(called, {"test_simple_text", "test_error_handling", "test_tool_with_progress"})


@case
def conforms_to_2026_07_28(space, gateway):
    same(conforms(space, "2026-07-28", also=("http-header-validation",)), set(CALLS))
