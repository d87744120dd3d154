"""ModelSweep: a space of parameters, a few runs with points, one table."""

import base64
import gzip
import json

from cases_faults import kill_operators
from cases_lifecycle import expect
from cluster import CONFIG_MAPS, FINAL, RUNS, wait_for
from harness import case

SWEEPS = "/apis/modelrun.dev/v1alpha1/namespaces/{}/modelsweeps"

MODEL = """\
import json, sys, time
p = json.load(open("/inputs/parameters.json"))
if p["i"] in p.get("fails", []):
    sys.exit("no rate for %d" % p["i"])
time.sleep(p.get("seconds", 0))
result = {"double": 2 * p["i"]}
"""


def sweep(space, name, count, parameters=None, **limits):
    space.project(files={"run.py": "result = {}\n", "model/table.py": MODEL})
    return create(space, name, count, parameters, **limits)


def create(space, name, count, parameters=None, **limits):
    """Of the model `table` of the project `models`, with i from 0."""
    body = {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelSweep",
        "metadata": {"name": name, "namespace": space.name},
        "spec": {
            "project": "models",
            "scope": "model",
            "modelName": "table",
            "parameters": parameters or {},
            "space": {"grid": [{"name": "i", "values": list(range(count))}]},
            "limits": {"parallelism": 2, **limits},
        },
    }
    return space.post(SWEEPS.format(space.name), body)


def status_of(space, name):
    return space.get(f"{SWEEPS.format(space.name)}/{name}").get("status", {})


def change(space, name, **spec):
    space.cluster.request("PATCH", f"{SWEEPS.format(space.name)}/{name}", {"spec": spec}, "application/merge-patch+json")


def finish(space, name, seconds=120):
    def over():
        status = status_of(space, name)
        return status if status.get("phase") in FINAL else None

    return wait_for(over, seconds, f"{name} is over")


def table_of(space, name):
    ref = status_of(space, name)["tableRef"]
    maps = [space.get(CONFIG_MAPS.format(space.name) + "/" + part) for part in ref["configMaps"]]
    packed = b"".join(base64.b64decode(next(iter(each["binaryData"].values()))) for each in maps)
    lines = gzip.decompress(packed).decode().splitlines()
    rows = [json.loads(line) for line in lines[1:]]
    assert [row["index"] for row in rows] == list(range(ref["rows"])), rows
    return rows


@case
def a_sweep_has_a_row_for_each_point(space):
    sweep(space, "s", 20, {"fails": [7]})
    status = finish(space, "s")
    assert status["phase"] == "Succeeded" and status["progress"] == "20/20", status
    rows = table_of(space, "s")
    assert [row["outputs"]["double"] for row in rows if row["index"] != 7] == [2 * i for i in range(20) if i != 7], rows
    assert rows[7]["phase"] == "Failed" and "no rate for 7" in rows[7]["message"], rows[7]
    assert status["summary"][0]["count"] == 19 and status["summary"][0]["max"] == 38, status["summary"]
    runs = space.items(RUNS)
    assert len(runs) == len(status["runs"]) > 1, status["runs"]
    assert {run["status"]["commitSHA"] for run in runs} == {status["commitSHA"]}, runs


@case(alone=True)
def a_sweep_outlives_its_operators(space):
    sweep(space, "s", 12, {"seconds": 1})
    wait_for(lambda: status_of(space, "s").get("points", {}).get("succeeded", 0) > 1, 60, "some points are done")
    kill_operators()
    assert finish(space, "s", 180)["points"]["succeeded"] == 12
    assert len(table_of(space, "s")) == 12


@case
def a_sweep_is_suspended_resumed_and_cancelled(space):
    sweep(space, "s", 40, {"seconds": 1})
    wait_for(lambda: status_of(space, "s").get("phase") == "Running", 60, "it runs")
    change(space, "s", suspend=True)
    suspended = lambda: all(run["status"].get("phase") != "Running" for run in space.items(RUNS))  # noqa: E731
    wait_for(suspended, 60, "no run of a suspended sweep executes")
    change(space, "s", suspend=False)
    wait_for(lambda: not suspended(), 60, "it goes on")
    change(space, "s", cancel=True)
    status = finish(space, "s")
    expect(status, "Cancelled", "Cancelled")
    rows = table_of(space, "s")
    assert len(rows) == 40 and {row["phase"] for row in rows} <= {"Succeeded", "Cancelled"}, rows


@case
def a_sweep_goes_with_all_that_it_made(space):
    sweep(space, "s", 4)
    finish(space, "s")
    space.delete(f"{SWEEPS.format(space.name)}/s")
    gone = lambda: not space.items(RUNS) and not space.items(CONFIG_MAPS, "modelrun.dev/sweep-uid")  # noqa: E731
    wait_for(gone, 60, "its runs and its table are gone")
