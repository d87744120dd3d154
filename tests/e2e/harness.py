"""Runs the end-to-end cases: several at once, one line each, a count at the end. The suites that need no cluster have their cases, lines and
counts from here, too."""

import concurrent.futures
import datetime
import fnmatch
import functools
import os
import time
import traceback

from cluster import Cluster, Space

CASES = []
LONG = "MODELRUN_E2E_SLOW"  # set: cases that take minutes run too
BESIDE = set()
# Whether all cases run, and since when, as the audit log writes it: for a case that looks back at them.
SUITE = {"whole": False, "begun": ""}


class Skip(Exception):
    """Raised by a case that cannot run here; its text is printed as the reason."""


def case(function=None, *, alone=False, beside=False, minutes=None, since=None):
    """Registers a test. `alone`: it disturbs the whole cluster, so nothing runs beside it. `beside`: in a suite whose cases run one
    after the other, this one mostly waits, and runs beside them. `minutes`: so long does it take, and only hack/test
    --long or MODELRUN_E2E_SLOW=1 runs it. `since`: the minor version of Kubernetes without which it cannot run, and why."""

    def register(function):
        if since:
            function = needing(function, *since)
        if beside:
            BESIDE.add(function.__name__)
        if minutes and not os.environ.get(LONG):
            function = skipped(function, f"takes {minutes}; hack/test --long or {LONG}=1 runs it")
        CASES.append((function.__name__, function, alone))
        return function

    return register(function) if function else register


def needing(function, minor, why):
    @functools.wraps(function)
    def run(space):
        if space.cluster.minor() < minor:
            raise Skip(f"before Kubernetes 1.{minor} {why}")
        function(space)

    return run


def skipped(function, reason):
    @functools.wraps(function)
    def skip(*_):
        raise Skip(reason)

    return skip


def same(value, expected):
    assert value == expected, f"{value!r} is not {expected!r}"


def chosen_by(patterns):
    return [c for c in CASES if not patterns or any(fnmatch.fnmatch(c[0], p) for p in patterns)]


def line_of(error):
    """FILE:LINE where a case failed: the innermost line of one, else of all."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if os.path.basename(frame.filename).startswith("cases_")] or frames
    return f"{os.path.basename(own[-1].filename)}:{own[-1].lineno}"


def attempt(name, call, after=lambda failed: ""):
    """Calls `call`, then after(whether it failed), whose text is told too; prints the case's line and gives its first word."""
    begun = time.monotonic()
    try:
        call()
        outcome, detail = "ok", ""
    except Skip as reason:
        outcome, detail = "skip", f": {reason}"
    except Exception as error:  # pylint: disable=broad-except  # a failing case must not stop the others
        what = " ".join(f"{type(error).__name__}: {error}".split())
        outcome, detail = "FAIL", f" at {line_of(error)}: {what[:600]}\n{traceback.format_exc()}"
    try:
        detail += after(outcome == "FAIL")
    except Exception as error:  # pylint: disable=broad-except
        detail += f" (cleaning up: {error})"
    print(f"{outcome} {name}{detail}  [{time.monotonic() - begun:.1f} s]", flush=True)
    return outcome


def count(outcomes):
    """Prints the counts; gives the exit code."""
    counts = {word: outcomes.count(word) for word in ("ok", "FAIL", "skip")}
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] or not counts["ok"] else 0


def run_case(cluster, name, function):
    spaces = []

    def call():
        spaces.append(Space(cluster, name.replace("_", "-")[:30].strip("-")))
        function(spaces[0])

    def after(failed):
        if not spaces:
            return ""
        if failed and os.environ.get("MODELRUN_E2E_KEEP"):
            return f"\nkept namespace {spaces[0].name}\n"
        told = spaces[0].story() if failed else ""
        spaces[0].remove()
        return told

    return attempt(name, call, after)


def main(patterns):
    cluster = Cluster()
    chosen = chosen_by(patterns)
    SUITE.update(whole=not patterns, begun=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    together = [c for c in chosen if not c[2]]
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=6) as pool:
        outcomes += pool.map(lambda c: run_case(cluster, c[0], c[1]), together)
    outcomes += [run_case(cluster, name, function) for name, function, alone in chosen if alone]
    return count(outcomes)
