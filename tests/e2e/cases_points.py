"""Runs with spec.points: many parameter objects, one sandbox, a row for each."""

import base64
import gzip
import json
import time

from cases_faults import kill_operators, writes_of
from cases_lifecycle import expect
from cluster import CONFIG_MAPS, PODS, wait_for
from harness import case

MODEL = """\
import json, os, sys, time
p = json.load(open("/inputs/parameters.json"))
sys.path.insert(0, "/repo")
left = sorted(n for d in ("/outputs", "/tmp") for n in os.listdir(d) if n != ".modelrun")
open("/tmp/left-behind", "w").write("x")
how = p.get("how")
print("point", p["i"], flush=True)
if how == "fails":
    sys.exit("no rate for %d" % p["i"])
if how == "hangs":
    time.sleep(600)
if how == "memory":
    block = bytearray(4 << 30)
if how == "talks":
    print("x" * 10_000_000)
if how == "invalid":
    open("/outputs/broken.json", "w").write("{")
if how == "slow":
    time.sleep(p["seconds"])
result = {"double": 2 * p["i"], "left": left}
"""


def project(space, **spec):
    space.project(files={"run.py": "result = {}\n", "model/table.py": MODEL}, **spec)


def rows_of(space, name):
    """The rows of the run by point, as they stand in its ConfigMaps."""
    rows = {}
    for config_map in space.status(name)["points"].get("configMaps", []):
        for value in space.get(CONFIG_MAPS.format(space.name) + "/" + config_map)["binaryData"].values():
            for line in gzip.decompress(base64.b64decode(value)).decode().splitlines():
                row = json.loads(line)
                assert row["point"] not in rows, f"point {row['point']} has two rows"
                rows[row["point"]] = row
    return rows


def points(count, **special):
    """`special`: the further parameters of point N as pN."""
    return [{"i": i, **special.get(f"p{i}", {})} for i in range(count)]


@case
def points_are_executed_one_by_one_in_clean_directories(space):
    project(space)
    space.run("r", modelName="table", points=points(20))
    status = space.finish("r")
    expect(status, "Succeeded", "Succeeded")
    assert status["points"]["total"] == 20 and status["points"]["succeeded"] == 20 and status["points"]["failed"] == 0, status["points"]
    rows = rows_of(space, "r")
    assert [rows[i]["outputs"] for i in range(20)] == [{"double": 2 * i, "left": []} for i in range(20)], rows
    assert "outputs" not in status and status["stdout"].splitlines() == [f"point {i}" for i in range(20)], status["stdout"]
    pods = space.items(PODS, "modelrun.dev/run-uid=" + status["runID"])
    assert len(pods) == 1, "one sandbox for all"


@case
def points_that_go_wrong_have_rows_that_say_so(space):
    special = {"p1": {"how": "fails"}, "p2": {"how": "hangs"}, "p3": {"how": "memory"}, "p4": {"how": "talks"}, "p5": {"how": "invalid"}}
    project(space, runtime={"resources": {"limits": {"memory": "256Mi"}}}, limits={"timeoutSeconds": 120})
    space.run("r", modelName="table", points=points(8, **special), pointTimeoutSeconds=3)
    status = space.finish("r", 120)
    expect(status, "Failed", "PointsFailed")
    assert "point 1: " in status["message"] and "no rate for 1" in status["message"], status["message"]
    rows = rows_of(space, "r")
    assert sorted(rows) == list(range(8)), sorted(rows)
    found = {i: (row["phase"], row.get("reason", "")) for i, row in rows.items()}
    assert found == {
        0: ("Succeeded", ""),
        1: ("Failed", "NonZeroExit"),
        2: ("TimedOut", "Timeout"),
        3: ("Failed", "OOMKilled"),
        4: ("Succeeded", ""),
        5: ("Failed", "OutputsInvalid"),
        6: ("Succeeded", ""),
        7: ("Succeeded", ""),
    }, found
    assert "no rate for 1" in rows[1]["stderr"], rows[1]
    for i in (0, 4, 6, 7):
        assert rows[i]["outputs"] == {"double": 2 * i, "left": []}, rows[i]


@case(alone=True, minutes="a minute and a half")
def points_survive_their_pod_and_the_operator(space):
    """The pod is deleted twice and all operators are killed: every point has one row, and none that was recorded runs again."""
    project(space, limits={"timeoutSeconds": 200})
    special = {f"p{i}": {"how": "slow", "seconds": 0.5} for i in range(30)}
    space.run("r", modelName="table", points=points(30, **special))

    def done():
        return space.status("r").get("points", {}).get("succeeded", 0)

    for at in (3, 9):
        wait_for(lambda at=at: done() >= at, 60, f"{at} points are recorded")
        before = rows_of(space, "r")
        space.delete(PODS.format(space.name) + "/" + space.status("r")["podName"])
        wait_for(lambda: space.status("r").get("phase") == "Running" and space.status("r")["attempts"] > (1 if at == 3 else 2), 90, "another attempt")
        assert before.items() <= rows_of(space, "r").items(), "what was recorded stays as it was"
    kill_operators()
    status = space.finish("r", 120)
    expect(status, "Succeeded", "Succeeded")
    assert status["attempts"] == 3, status["attempts"]
    rows = rows_of(space, "r")
    assert [rows[i]["outputs"]["double"] for i in range(30)] == [2 * i for i in range(30)]


@case
def points_stop_when_too_many_fail(space):
    project(space)
    space.run("r", modelName="table", points=[{"i": i, "how": "fails"} for i in range(10)], maxFailedPoints=2)
    status = space.finish("r")
    expect(status, "Failed", "PointsFailed")
    assert status["points"]["failed"] == 3 and len(rows_of(space, "r")) == 3, status["points"]
    assert "more than spec.maxFailedPoints" in status["message"], status["message"]


@case
def points_of_another_language(space):
    script = "#!/bin/sh\ncp /inputs/parameters.json /outputs/seen.json\n"
    space.project(files={"run.py": script}, runtime={"command": ["sh", "$(ENTRYPOINT)"]})
    space.run("r", points=[{"i": i} for i in range(5)])
    expect(space.finish("r"), "Succeeded", "Succeeded")
    rows = rows_of(space, "r")
    assert [rows[i]["outputs"] for i in range(5)] == [{"seen": {"i": i}} for i in range(5)], rows


@case
def points_in_a_sandbox_that_stood_ready(space):
    project(space, warm={"sandboxes": 1})
    collection = f"/apis/modelrun.dev/v1alpha1/namespaces/{space.name}/modelprojects/models"
    wait_for(lambda: space.get(collection).get("status", {}).get("warm", {}).get("ready") == 1, 60, "the sandbox is ready")
    space.run("r", modelName="table", points=points(10))
    status = space.finish("r")
    expect(status, "Succeeded", "Succeeded")
    assert status["provenance"]["start"] == "Warm", status["provenance"]
    rows = rows_of(space, "r")
    assert [rows[i]["outputs"] for i in range(10)] == [{"double": 2 * i, "left": []} for i in range(10)], rows


@case
def points_need_few_writes(space):
    project(space)
    began = time.monotonic()
    space.run("r", modelName="table", points=points(400))
    status = space.finish("r", 120)
    expect(status, "Succeeded", "Succeeded")
    seconds = time.monotonic() - began
    writes = writes_of(space.name, "r")
    # Two writes, the rows and the status, for each hundred points and for each two seconds; the rest is what every run needs.
    assert len(writes) <= 2 * (400 / 100 + seconds / 2) + 20, (seconds, writes)


@case
def points_that_are_cancelled_keep_their_rows(space):
    project(space, limits={"timeoutSeconds": 200})
    special = {"p5": {"how": "hangs"}}
    space.run("r", modelName="table", points=points(8, **special))
    wait_for(lambda: space.status("r").get("points", {}).get("succeeded", 0) >= 5, 60, "five points are recorded")
    space.patch_run("r", cancel=True)
    status = space.finish("r")
    expect(status, "Cancelled", "Cancelled")
    assert sorted(rows_of(space, "r")) == list(range(5))
