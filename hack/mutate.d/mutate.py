"""Takes the guards of the controller and of the agent out, one at a time, and says which test notices. Called by hack/mutate.

Each mutation of tests/mutations/*.toml names an expression or a statement in src/. A copy of the tree is made in which
every one of them has a switch, so that one build serves for all; the environment variable MODELRUN_MUTATION says which
is on. The product's own sources know nothing of it.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TREE = REPOSITORY / "build" / "mutants"
LOGS = REPOSITORY / "build" / "logs" / "mutate"
SWITCH = """// Which guard is taken out; see hack/mutate.
#pragma once
#include <cstdlib>
#include <cstring>
inline bool mutation_is_on(const char* name) {
  static const char* const chosen = std::getenv("MODELRUN_MUTATION");
  return chosen != nullptr && std::strcmp(chosen, name) == 0;
}
"""
FIELDS = {"name", "guard", "file", "find", "replace", "statement", "equivalent"}


class Problem(Exception):
    """What is wrong with the list, as a sentence."""


def read_mutations():
    found = []
    for path in sorted((REPOSITORY / "tests" / "mutations").glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]:
            unknown = set(entry) - FIELDS
            if unknown:
                raise Problem(f"{path}: {entry.get('name')}: unknown fields {sorted(unknown)}")
            found.append(entry)
    names = [entry["name"] for entry in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise Problem(f"two mutations of one name: {sorted(twice)}")
    return found


def switched(entry):
    """The text that stands for entry's guard in the copy."""
    condition = f'mutation_is_on("{entry["name"]}")'
    if entry.get("statement"):
        other = f" else {{ {entry['replace']} }}" if entry.get("replace") else ""
        return f"if (!{condition}) {{ {entry['find']} }}{other}"
    return f"({condition} ? ({entry['replace']}) : ({entry['find']}))"


def mutate(text, entry):
    count = text.count(entry["find"])
    if count != 1:
        raise Problem(f"{entry['name']}: its text stands {count} times in {entry['file']}, and must stand there once:\n"
                      f"  {entry['find']}")
    return text.replace(entry["find"], switched(entry))


def mutated_files(mutations):
    """The texts of the files that have mutations, by path."""
    texts = {}
    for entry in mutations:
        path = entry["file"]
        if path not in texts:
            texts[path] = (REPOSITORY / path).read_text(encoding="utf-8")
        texts[path] = mutate(texts[path], entry)
    return {path: '#include "base/mutation_switch.h"\n' + text if path.endswith(".cc") else
            text.replace("#pragma once\n", '#pragma once\n#include "base/mutation_switch.h"\n', 1)
            for path, text in texts.items()}


def write_if_changed(path, content):
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def make_tree(mutations):
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=REPOSITORY,
                            check=True, stdout=subprocess.PIPE).stdout
    wanted = {name.decode() for name in listed.split(b"\0") if name}
    wanted = {name for name in wanted if (REPOSITORY / name).is_file()}
    for name in wanted:
        target = TREE / name
        content = (REPOSITORY / name).read_bytes()
        if name not in {entry["file"] for entry in mutations}:
            write_if_changed(target, content)
            shutil.copymode(REPOSITORY / name, target)
    for path, text in mutated_files(mutations).items():
        write_if_changed(TREE / path, text.encode())
    write_if_changed(TREE / "src" / "base" / "mutation_switch.h", SWITCH.encode())


TESTS = ["runtime_test", "cloudevents_test", "unit_sandbox", "controller_test", "reconcile_test", "faults_test"]
SIMULATOR = TREE / "build" / "simulation" / "bin" / "modelrun-simulate"


def build():
    """Builds the tests as developers do, and the simulator as hack/simulate does: it is several times faster so."""
    log = LOGS / "build.log"
    with log.open("w", encoding="utf-8") as out:
        for command in (["cmake", "--preset", "dev", "-DMODELRUN_BUILD_TESTS=ON"], [TREE / "hack" / "build", "dev", *TESTS],
                        ["cmake", "--preset", "simulation"], [TREE / "hack" / "build", "simulation", "modelrun-simulate"]):
            done = subprocess.run(command, cwd=TREE, stdout=out, stderr=out, check=False)
            if done.returncode:
                raise Problem(f"the mutated tree does not build; see {log.relative_to(REPOSITORY)}")


def checks(seconds, only):
    """What is tried, quickest first: a name, a command, and what in its output names the test or seed."""
    programs = TREE / "build" / "dev" / "bin"
    tests = [("runtime", [programs / "runtime_test", "--gtest_fail_fast", "--gtest_brief=1", "--gtest_filter=*Store*:WorkQueue*"]),
             ("cloudevents", [programs / "cloudevents_test", "--gtest_fail_fast", "--gtest_brief=1"]),
             ("sandbox", [programs / "unit_sandbox", "--gtest_fail_fast", "--gtest_brief=1", "--gtest_filter=*Relay*:Channel*"]),
             ("unit", [programs / "controller_test", "--gtest_fail_fast", "--gtest_brief=1"]),
             ("reconcile", [programs / "reconcile_test", "--gtest_fail_fast", "--gtest_brief=1"])]
    tests.append(("faults", [programs / "faults_test", "--gtest_fail_fast", "--gtest_brief=1",
                             "--gtest_filter=*OfARunThatIsEvictedOnce*:*OfOneRun*:*Suspended*:Sweeps.*:StaleSweeps.*"]))
    tests.append(("simulation", [SIMULATOR, "--for", f"{seconds}s", "--jobs", "1"]))
    return [test for test in tests if only in (None, test[0])]


NAMES = re.compile(r"\[  FAILED  \] (\S+?)[ ,]|(seed \d+)")
MOST_SECONDS = 900  # a check that has not ended by then counts as red


def caught_by(entry, options):
    """The check that goes red, with the test or seed; None if none does."""
    environment = dict(os.environ, MODELRUN_MUTATION=entry["name"] if entry else "")
    name = entry["name"] if entry else "none"
    for check, command in checks(options.seconds, options.only):
        log = LOGS / f"{name}.{check}.log"
        with log.open("w", encoding="utf-8") as out:
            try:
                code = subprocess.run(command, cwd=TREE, env=environment, stdout=out, stderr=out, check=False,
                                      timeout=MOST_SECONDS).returncode
            except subprocess.TimeoutExpired:
                return f"{check}: does not end"
        if code:
            found = NAMES.search(log.read_text(encoding="utf-8", errors="replace"))
            detail = next((text for text in found.groups() if text), "") if found else f"exit code {code}"
            return f"{check}: {detail}"
    return None


def run(mutations, options):
    began = time.monotonic()
    red = caught_by(None, options)
    if red:
        raise Problem(f"without a mutation: {red}; see build/logs/mutate/none.*.log")
    lock = threading.Lock()
    results = {}

    def one(entry):
        result = caught_by(entry, options)
        with lock:
            results[entry["name"]] = result
            said = result or ("equivalent: " + entry["equivalent"] if entry.get("equivalent") else "SURVIVED")
            print(f"{len(results):3}/{len(mutations)}  {entry['name']:34} {said}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, mutations))
    survived = [entry for entry in mutations if not results[entry["name"]] and not entry.get("equivalent")]
    print(f"\n{len(mutations) - len(survived)} of {len(mutations)} caught, in {time.monotonic() - began:.0f} s")
    for entry in survived:
        print(f"survived: {entry['name']}: {entry['guard']} ({entry['file']})")
    return 1 if survived else 0


def main():
    parser = argparse.ArgumentParser(
        prog="hack/mutate", description="Takes guards of the controller out, one at a time, and says which test notices. "
        "Exit code 0 if each one is noticed. Logs: build/logs/mutate, one a mutation and check.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutations to try (default: all)")
    parser.add_argument("--list", action="store_true", help="print the names and what each guard is for")
    parser.add_argument("--check", action="store_true", help="only say whether each mutation still fits the sources")
    parser.add_argument("--only", choices=["runtime", "cloudevents", "sandbox", "unit", "reconcile", "faults", "simulation"], help="try this check alone")
    parser.add_argument("--jobs", type=int, default=2, help="how many to try at the same time (default: 2)")
    parser.add_argument("--seconds", type=int, default=60, help="how long to simulate each one at most (default: 60)")
    options = parser.parse_args()
    try:
        mutations = read_mutations()
        if options.names:
            missing = set(options.names) - {entry["name"] for entry in mutations}
            if missing:
                raise Problem(f"no such mutations: {', '.join(sorted(missing))}; see hack/mutate --list")
        if options.list:
            for entry in mutations:
                print(f"{entry['name']:34} {entry['guard']}")
            return 0
        mutated_files(mutations)
        if options.check:
            print(f"ok {len(mutations)} mutations fit")
            return 0
        LOGS.mkdir(parents=True, exist_ok=True)
        print(f"building the tree with {len(mutations)} switches (log: build/logs/mutate/build.log)", flush=True)
        make_tree(mutations)
        build()
        chosen = [entry for entry in mutations if not options.names or entry["name"] in options.names]
        return run(chosen, options)
    except Problem as problem:
        print(f"hack/mutate: {problem}", file=sys.stderr)
        return 2


sys.exit(main())
