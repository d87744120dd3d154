"""Runs the end-to-end cases: several at once, one line each, a count at the end."""

import concurrent.futures
import fnmatch
import json
import os
import sys
import time
import traceback

from cluster import Cluster, Space

CASES = []


class Skip(Exception):
    """Raised by a case that cannot run here; its text is printed as the reason."""


def case(function=None, *, alone=False):
    """Registers a test. `alone`: it disturbs the whole cluster, so nothing runs beside it."""

    def register(function):
        CASES.append((function.__name__, function, alone))
        return function

    return register(function) if function else register


def run_case(cluster, name, function):
    begun = time.monotonic()
    space = None
    try:
        space = Space(cluster, name.replace("_", "-")[:30].strip("-"))
        function(space)
        outcome, detail = "ok", ""
    except Skip as reason:
        outcome, detail = "skip", f": {reason}"
    except Exception:  # pylint: disable=broad-except  # a failing case must not stop the others
        outcome, detail = "FAIL", "\n" + traceback.format_exc()
        keep = os.environ.get("MODELRUN_E2E_KEEP")
        if keep:
            detail += f"\nkept namespace {space.name if space else '?'}\n"
            space = None
    if space:
        try:
            space.remove()
        except Exception as error:  # pylint: disable=broad-except
            detail += f" (namespace {space.name} not removed: {error})"
    print(f"{outcome} {name}{detail}  [{time.monotonic() - begun:.1f} s]", flush=True)
    return outcome


def main(patterns):
    cluster = Cluster()
    chosen = [c for c in CASES if not patterns or any(fnmatch.fnmatch(c[0], p) for p in patterns)]
    together = [c for c in chosen if not c[2]]
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=6) as pool:
        outcomes += pool.map(lambda c: run_case(cluster, c[0], c[1]), together)
    outcomes += [run_case(cluster, name, function) for name, function, alone in chosen if alone]
    counts = {word: outcomes.count(word) for word in ("ok", "FAIL", "skip")}
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] or not counts["ok"] else 0
