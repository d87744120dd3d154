#!/usr/bin/env python3
"""Runs the tests of a build's CTest label, many in one process.

usage: together.py BUILD LABEL [MOST]

CTest starts a process for each test, which costs more than the test does where a sanitizer has to be set up first. Here one process has
up to MOST tests of one GoogleTest suite (1 by default). When it dies, the test that it was at has failed, and another process goes on
with the next. As many processes run at a time as there are processors.

Prints `ok NAME`, `FAIL NAME` and what its process has printed, or `skip NAME: reason`, and the counts as the last line. The exit code is
0 when nothing failed and something passed.
"""
import concurrent.futures
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile

SECONDS = 600  # of one process
LINES = 400  # that are printed of a failure
NOTED = 1.0  # seconds from which on a test's line says how long it took


def tests_of(build, label):
    """Yields (program, directory, name) of each test."""
    listed = subprocess.run(["ctest", "--test-dir", build, "--label-regex", f"^{label}$", "--show-only=json-v1"], check=True, stdout=subprocess.PIPE)
    for test in json.loads(listed.stdout)["tests"]:
        command = test.get("command")
        if not command:
            raise SystemExit(f"{test['name']}: its program has not been built")
        properties = {each["name"]: each["value"] for each in test["properties"]}
        names = [each.partition("=")[2] for each in command[1:] if each.startswith("--gtest_filter=")]
        if not names:
            raise SystemExit(f"{test['name']} is no test of GoogleTest")
        yield command[0], properties.get("WORKING_DIRECTORY", build), names[0]


def batches_of(tests, most):
    for (program, directory, _), group in itertools.groupby(tests, lambda test: (test[0], test[1], test[2].rpartition(".")[0])):
        names = [name for _, _, name in group]
        for i in range(0, len(names), most):
            yield program, directory, names[i : i + most]


def outcomes_in(report, text):
    """(name, "ok", "FAIL" or "skip", what is to be said behind the name) of each test in GoogleTest's own report."""
    for suite in report["testsuites"]:
        for case in suite["testsuite"]:
            name = f"{suite['name']}.{case['name']}"
            if case.get("failures"):
                yield name, "FAIL", ""
            elif case["result"] == "COMPLETED":
                seconds = float(case["time"].rstrip("s"))
                yield name, "ok", f"  [{seconds:.1f} s]" if seconds >= NOTED else ""
            else:
                yield name, "skip", f": {why_skipped(name, text)}"


def why_skipped(name, text):
    said = re.search(r"Skipped\n(.*)", "\n".join(printed_by(name, text)), re.DOTALL)
    return " ".join(said.group(1).split()) if said else "no reason given"


def report_in(path):
    """None if the process has not come to its end."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return json.load(file, strict=False)
    except (OSError, ValueError):
        return None


def attempt(program, directory, names):
    """Runs the tests in one process. Returns its outcomes, what it has printed, and the tests that are left."""
    with tempfile.TemporaryDirectory() as scratch:
        report, chosen, printed = (os.path.join(scratch, name) for name in ("report.json", "tests", "printed"))
        with open(chosen, "w", encoding="utf-8") as file:
            file.write("--gtest_filter=" + ":".join(names) + "\n")
        # A file, as a process that a test has left behind may hold the end of a pipe.
        with open(printed, "wb") as output:
            status = end_of([program, f"--gtest_flagfile={chosen}", f"--gtest_output=json:{report}"], directory, output)
        with open(printed, encoding="utf-8", errors="replace") as file:
            text = file.read()
        found = report_in(report)
    if found:
        outcomes = list(outcomes_in(found, text))
        # LeakSanitizer, for example, looks when all tests are over.
        if status and all(word != "FAIL" for _, word, _ in outcomes):
            outcomes.append((" ".join(names), "FAIL", f": {status} after the last one"))
        return outcomes, text, []
    words = {"OK": "ok", "FAILED": "FAIL", "SKIPPED": "skip"}
    over = re.findall(r"^\[ +(OK|FAILED|SKIPPED) +\] ([^\s,]+)(?:, where .*)? \(\d+ ms\)$", text, re.MULTILINE)
    outcomes = [(name, words[word], f": {why_skipped(name, text)}" if word == "SKIPPED" else "") for word, name in over]
    # The one that it was at; where all that began have ended, the one behind those.
    begun = re.findall(r"^\[ RUN      \] (\S+)$", text, re.MULTILINE)
    at = begun[-1] if begun and begun[-1] in names and begun[-1] not in {name for _, name in over} else None
    left = names[names.index(at) :] if at else names[len(over) :]
    return outcomes + [(left[0] if left else names[-1], "FAIL", f": {status or 'no report'}")], text, left[1:]


def end_of(command, directory, output):
    """Runs the command. Returns how it ended; "" if it ended well."""
    try:
        ended = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"not over after {SECONDS} s"
    return f"exit code {ended.returncode}" if ended.returncode else ""


def printed_by(name, text):
    """The lines of a test that has failed; of all, where they cannot be told apart."""
    lines = text.splitlines()
    marks = [i for i, line in enumerate(lines) if line == f"[ RUN      ] {name}"]
    if not marks:
        return lines[-LINES:]
    rest = lines[marks[0] + 1 :]
    end = next((i for i, line in enumerate(rest) if re.match(r"\[  (FAILED |SKIPPED) \] ", line)), len(rest))
    return rest[:end][:LINES]


def run(batch):
    program, directory, names = batch
    found = []
    while names:
        outcomes, text, names = attempt(program, directory, names)
        found.append((outcomes, text))
    return found


def main(build, label, most="1"):
    batches = list(batches_of(tests_of(build, label), int(most)))
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for number, found in enumerate(pool.map(run, batches), 1):
            for outcomes, text in found:
                for name, word, said in outcomes:
                    counts[word] += 1
                    print(f"{word} {name}{said}")
                    if word == "FAIL":
                        print("".join(f"  {line}\n" for line in printed_by(name, text)))
            print(f"[{number}/{len(batches)}]", flush=True)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] or not counts["ok"] else 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
