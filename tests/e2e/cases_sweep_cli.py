"""Sweeps and explained comparisons by kubectl-modelrun, with the exit codes that docs/cli.md promises."""

import contextlib
import csv
import io
import json
import signal
import subprocess
import tempfile

from cases_cli import PROGRAMS, environment_of, modelrun
from cases_lifecycle import expect
from cases_sources import Plumbing
from cases_sweeps import SWEEPS, status_of
from cluster import RUNS, hack, wait_for
from harness import case, same

MODEL = """\
import json, sys, time
p = json.load(open("/inputs/parameters.json"))
if p.get("growth") == p.get("fails", "none"):
    sys.exit("no rate for %s" % p["growth"])
time.sleep(p.get("seconds", 0))
result = {"value": p["growth"] * p.get("years", 1), "high": p["growth"] > 2, "list": [p["growth"], 7]}
"""


def project(space):
    return space.project(files={"run.py": "result = {}\n", "model/table.py": MODEL})


def sweep(space, *arguments, code=0):
    return modelrun(space, "sweep", "models", "--model", "table", *arguments, code=code)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


@case
def cli_sweeps_a_grid_and_prints_its_table(space):
    project(space)
    out, err = sweep(space, "--vary", "growth=1:3:3", "--vary", "years=1,10", "-p", "fails=2", "--name", "s")
    assert "created in namespace" in err and "points" in err, err
    lines = [line.split() for line in out.splitlines()]
    assert ["Points:", "4", "of", "6", "succeeded,", "2", "failed"] in lines, out
    assert any(line[:3] == ["value", "4", "11"] for line in lines), out
    assert any(line[:2] == ["value", "growth"] for line in lines), out
    table = rows_of(modelrun(space, "output", "modelsweep/s", "-o", "csv")[0])
    same([(row["growth"], row["years"], row["value"]) for row in table],
         [("1", "1", "1"), ("1", "10", "10"), ("2", "1", ""), ("2", "10", ""), ("3", "1", "3"), ("3", "10", "30")])
    assert "no rate for 2" in table[2]["message"], table[2]
    same([json.loads(line)["index"] for line in modelrun(space, "output", "msw/s")[0].splitlines()], list(range(6)))
    same(json.loads(modelrun(space, "output", "msw/s", "-o", "json")[0])[5]["outputs"], {"value": 30, "high": True})
    same(json.loads(modelrun(space, "output", "msw/s", "1")[0])["parameters"], {"growth": 1, "years": 10})
    out, _ = modelrun(space, "output", "msw/s", "-o", "text", "--plot")
    assert "value by growth (down) and years (right)" in out, out
    modelrun(space, "output", "msw/s", "6", code=1)


@case
def cli_sweeps_one_at_a_time_samples_and_written_points(space):
    project(space)
    out, _ = sweep(space, "-p", "growth=1", "-p", "years=2", "--one-at-a-time", "--vary", "growth=2,3", "--vary", "years=1,4", "--plot")
    assert "| is the base, 2" in out, out
    first, _ = sweep(space, "--sample", "5", "--seed", "7", "--vary", "growth=uniform:1:2", "-o", "csv")
    again, _ = sweep(space, "--sample", "5", "--seed", "7", "--vary", "growth=uniform:1:2", "-o", "csv")
    same([row["growth"] for row in rows_of(first)], [row["growth"] for row in rows_of(again)])
    done = subprocess.run(
        [f"{PROGRAMS}/kubectl-modelrun", "sweep", "models", "-m", "table", "--points", "-", "--outputs", "value,/list/0", "-o", "jsonl", "-n", space.name],
        env=environment_of(space), input='{"growth": 4}\n{"growth": 5}\n', capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    same([json.loads(line)["outputs"] for line in done.stdout.splitlines()], [{"value": 4, "/list/0": 4}, {"value": 5, "/list/0": 5}])


@case
def cli_refuses_a_sweep_before_it_is_made(space):
    project(space)
    for arguments in (["--vary", "growth=0:1"], ["--vary", "a=0:1:200", "--vary", "b=0:1:200"], ["--vary", "growth=1,2", "--seed", "7"]):
        _, err = sweep(space, *arguments, code=1)
        assert err.startswith("error: "), err
    sweep(space, "--vary", "growth=1,2", "--parallelism", "0", code=2)
    manifest, _ = sweep(space, "--vary", "growth=1,2", "--dry-run")
    same(json.loads(manifest)["spec"]["space"], {"grid": [{"name": "growth", "values": [1, 2]}]})
    same(space.items(SWEEPS), [])


@case
def cli_knows_sweeps_as_it_knows_runs(space):
    project(space)
    name = sweep(space, "--vary", "growth=1:40:40", "-p", "seconds=1", "--no-wait", "-o", "name")[0].strip()
    assert name.startswith("modelsweep.modelrun.dev/models-"), name
    short = name.split("/")[1]
    wait_for(lambda: status_of(space, short).get("phase") == "Running", 60, "it runs")
    out, _ = modelrun(space, "get", "modelsweeps")
    assert short in out and "Running" in out, out
    out, _ = modelrun(space, "describe", name)
    assert "Space:" in out and "Runs made:" in out, out
    _, err = modelrun(space, "output", name, code=1)
    assert "It has no table yet" in err, err
    _, err = modelrun(space, "wait", name, "--timeout", "1", code=1)
    assert "has not ended within 1 s" in err, err
    _, err = modelrun(space, "logs", name, code=1)
    assert "is a sweep" in err, err
    out, _ = modelrun(space, "cancel", name)
    assert "is being cancelled" in out, out
    out, _ = modelrun(space, "wait", f"msw/{short}", code=130)
    assert "Cancelled" in out, out
    modelrun(space, "delete", name)


@case
def cli_leaves_a_sweep_on_ctrl_c(space):
    project(space)
    command = [f"{PROGRAMS}/kubectl-modelrun", "sweep", "models", "-m", "table", "--vary", "growth=1:20:20", "-p", "seconds=1", "--name", "s", "-n", space.name]
    with subprocess.Popen(command, env=environment_of(space), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            wait_for(lambda: space.items(SWEEPS) and status_of(space, "s").get("phase") == "Running", 60, "it runs")
            program.send_signal(signal.SIGINT)
            _, err = program.communicate(timeout=60)
        finally:
            program.kill()  # else the end of `with` waits for it; nothing happens if it has ended
    same(program.returncode, 130)
    assert "sweep s goes on" in err and "cancel modelsweep/s" in err, err
    assert status_of(space, "s")["phase"] == "Running"
    modelrun(space, "cancel", "modelsweep/s")


@contextlib.contextmanager
def two_branches(space):
    """A project whose run.py is MODEL on the branch main, and has 100 more on the branch dearer."""
    with tempfile.TemporaryDirectory() as folder:
        made = Plumbing(folder)
        for branch, text in (("main", MODEL), ("dearer", MODEL.replace('{"value": ', '{"value": 100 + '))):
            made.git("update-ref", f"refs/heads/{branch}", made.commit({"run.py": text}))
        # It is served from the folder, which has to stay until the runs have ended.
        space.project(url=hack("repo", folder, f"{space.name}-branches"))
        yield


@case
def cli_explains_why_two_runs_differ(space):
    """Commit and two parameters differ: two steps are executed, and what each cause did adds up."""
    with two_branches(space):
        space.run("low", branch="main", parameters={"growth": 1, "years": 2})
        space.run("high", branch="dearer", parameters={"growth": 3, "years": 4})
        for name in ("low", "high"):
            expect(space.finish(name), "Succeeded", "Succeeded")
        out, err = modelrun(space, "compare", "low", "high", "--explain", "-o", "json")
        assert "step 1 of 3, commit: run models-" in err, err
        bridge = {each["path"]: each for each in json.loads(out)["bridges"]}["/value"]
        same((bridge["from"], bridge["to"], bridge["change"]), (2, 112, 110))
        same([(step["cause"], step["change"]) for step in bridge["steps"]],
             [("commit", 100), ("parameter growth", 4), ("parameter years", 6)])
        same(bridge["steps"][-1]["run"], "high")
        runs = len(space.items(RUNS))
        out, _ = modelrun(space, "compare", "low", "high", "--explain")
        assert "/value: from 2 to 112, which is 110 in all" in out, out
        same(len(space.items(RUNS)), runs + 2)


@case
def cli_compares_two_branches(space):
    with two_branches(space):
        out, err = modelrun(space, "compare", "--branches", "main", "dearer", "models", "-p", "growth=1", "-o", "json")
        assert "branch dearer: run models-" in err, err
        same([(each["path"], each["change"]) for each in json.loads(out)["diff"]], [("/value", 100)])


@case
def cli_compares_two_points_of_a_sweep(space):
    project(space)
    sweep(space, "--vary", "growth=1:3:3", "--name", "s")
    told = json.loads(modelrun(space, "compare", "modelsweep/s", "0", "2", "-o", "json")[0])
    same({each["path"]: each["change"] for each in told["diff"] if each["kind"] == "number"}, {"/value": 2, "/list/0": 2})
    modelrun(space, "compare", "modelsweep/s", "0", "3", code=1)
