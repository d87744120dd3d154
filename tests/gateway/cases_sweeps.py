"""Sweeps and comparisons: real runs, by the tools and by plain HTTP."""

import csv
import io
import json
import os
import subprocess
import tempfile

from cluster import RUNS, hack
from gateway import FINAL, finished, in_background, wait_for
from harness import case, same

MODEL = """\
import json, sys, time
p = json.load(open("/inputs/parameters.json"))
if p.get("fails"):
    sys.exit("no rate for it")
time.sleep(p.get("seconds", 0))
result = {"value": p.get("growth", 1) * 100, "big": p["growth"] > 0.03, "detail": {"irr": 0.1}}
"""
GRID = [{"name": "growth", "values": [0.02, 0.04, 0.06]}]


def swept(space):
    """A project whose model is good for sweeps, made by the first that asks."""
    names = [each["metadata"]["name"] for each in space.items("/apis/modelrun.dev/v1alpha1/namespaces/{}/modelprojects")]
    if "swept" not in names:
        space.project("swept", url=space.repo({"run.py": "result = {}\n", "model/value.py": MODEL}, name=f"{space.name}-swept"))
    return {"project_name": "swept", "model_name": "value"}


def over(gateway, token, sweep_id):
    """What get_sweep answers in the end."""

    def ended():
        sweep = gateway.ask("GET", f"/v1/sweeps/{sweep_id}?wait_seconds=30", token)[2]
        return sweep if sweep["status"] in FINAL else None

    return wait_for(ended, 120, f"sweep {sweep_id} is over")


@case
def a_sweep_is_a_tool(space, gateway):
    token = space.token("editor")
    for modern in (False, True):
        answer = gateway.tool("sweep", {**swept(space), "grid": GRID, "wait_seconds": 60}, token, modern)
        same(answer["isError"], False)
        fields = answer["structuredContent"]
        if fields["status"] not in FINAL:
            fields = over(gateway, token, fields["sweep_id"])
        same((fields["status"], fields["points_succeeded"], fields["total_rows"]), ("success", 3, 3))
        same([row["outputs"]["value"] for row in fields["rows"]], [2, 4, 6])
        same(fields["output_names"], ["big", "value", "/detail/irr"])
        (value,) = [each for each in fields["summary"] if each["output"] == "value"]
        same((value["min"], value["p50"], value["max"], value["max_index"]), (2, 4, 6, 2))
        (moved,) = [each for each in fields["sensitivity"] if each["output"] == "value"]
        same((moved["measure"], moved["low_at"], moved["high_at"]), ("RangeOfMeans", 0.02, 0.06))
        listed = gateway.tool("list_sweeps", {"project_name": "swept"}, token, modern)["structuredContent"]
        assert fields["sweep_id"] in [each["sweep_id"] for each in listed["sweeps"]], listed


@case
def a_sweep_in_plain_http_has_a_table(space, gateway):
    token = space.token("editor")
    body = {**swept(space), "sample": {"count": 40, "axes": [{"name": "growth", "normal": {"mean": 0.05, "stddev": 0.01}}]}}
    status, headers, begun = gateway.ask("POST", "/v1/sweeps", token, {**body, "wait_seconds": 0})
    same((status, headers["Location"]), (202, f"/v1/sweeps/{begun['sweep_id']}"))
    ended = over(gateway, token, begun["sweep_id"])
    same((ended["status"], ended["points_succeeded"], len(ended["rows"]), ended["next_offset"]), ("success", 40, 20, 20))
    rest = gateway.ask("GET", f"/v1/sweeps/{begun['sweep_id']}?offset=20&limit=500", token)[2]
    same([row["index"] for row in rest["rows"]], list(range(20, 40)))
    table = gateway.ask("GET", f"/v1/sweeps/{begun['sweep_id']}/table", token)[2]
    rows = list(csv.DictReader(io.StringIO(table)))
    same([row["index"] for row in rows], [str(i) for i in range(40)])
    lines = gateway.ask("GET", f"/v1/sweeps/{begun['sweep_id']}/table?format=jsonl", token)[2]
    lines = [json.loads(line) for line in lines.splitlines()]
    same([str(line["outputs"]["value"]) for line in lines], [row["value"] for row in rows])


@case
def what_cannot_be_a_sweep_is_refused_before_it_is_made(space, gateway):
    token = space.token("editor")
    refused = [
        ({"grid": []}, "grid"),
        ({"grid": [{"name": "growth", "from": 0, "to": 1, "count": 20000}]}, "grid[0].count"),
        ({"one_at_a_time": [{"name": "growth", "values": []}]}, "one_at_a_time[0].values"),
        ({"grid": GRID, "points": [{"growth": 1}]}, "exactly one of"),
    ]
    for space_of, words in refused:
        answer = gateway.tool("sweep", {**swept(space), **space_of}, token)
        assert answer["isError"] and words in answer["content"][0]["text"], answer
    viewer = gateway.tool("sweep", {**swept(space), "grid": GRID}, space.token("viewer"))
    assert viewer["isError"] and "you may not start sweeps" in viewer["content"][0]["text"], viewer
    stranger = gateway.ask("GET", "/v1/sweeps?project_name=swept", space.token("stranger"))
    same(stranger[0], 404)


@case
def a_sweep_is_cancelled_and_keeps_its_points(space, gateway):
    token = space.token("editor")
    body = {**swept(space), "points": [{"growth": i / 100, "seconds": 2} for i in range(30)], "parallelism": 1, "wait_seconds": 0}
    sweep_id = gateway.ask("POST", "/v1/sweeps", token, body)[2]["sweep_id"]
    wait_for(lambda: gateway.ask("GET", f"/v1/sweeps/{sweep_id}", token)[2]["points_succeeded"] > 0, 120, "a point is done")
    waiting = in_background(gateway.ask, "GET", f"/v1/sweeps/{sweep_id}?wait_seconds=60&limit=500", token)
    same(gateway.ask("POST", f"/v1/sweeps/{sweep_id}/cancel", token)[0], 200)
    waiting()
    ended = over(gateway, token, sweep_id)
    same((ended["status"], ended["total_rows"]), ("cancelled", 30))
    rows = gateway.ask("GET", f"/v1/sweeps/{sweep_id}?limit=500", token)[2]["rows"]
    same({row["status"] for row in rows}, {"success", "cancelled"})


@case
def one_key_is_one_sweep(space, gateway):
    token = space.token("editor")
    body = {**swept(space), "points": [{"growth": 0.5}], "wait_seconds": 0}
    first = gateway.ask("POST", "/v1/sweeps", token, body, Idempotency_Key="sweep-1")[2]
    same(gateway.ask("POST", "/v1/sweeps", token, body, Idempotency_Key="sweep-1")[2]["sweep_id"], first["sweep_id"])
    same(gateway.ask("POST", "/v1/sweeps", token, {**body, "parallelism": 2}, Idempotency_Key="sweep-1")[0], 422)


@case
def a_failed_point_is_a_row_that_says_why(space, gateway):
    token = space.token("editor")
    body = {**swept(space), "points": [{"growth": 0.1}, {"growth": 0.2, "fails": True}], "wait_seconds": 0}
    ended = over(gateway, token, gateway.ask("POST", "/v1/sweeps", token, body)[2]["sweep_id"])
    same((ended["status"], ended["points_succeeded"], ended["points_failed"]), ("success", 1, 1))
    same(ended["rows"][1]["status"], "failed")
    assert "no rate for it" in ended["rows"][1]["error"], ended["rows"][1]


@case
def two_runs_are_compared(space, gateway):
    token = space.token("editor")
    run = {"scope": "model", "mode": "sync", **swept(space)}
    base, other = (gateway.ask("POST", "/v1/runs", token, {**run, "parameters": {"growth": g}})[2] for g in (0.02, 0.04))
    ids = {"base_run_id": base["run_id"], "other_run_id": other["run_id"]}
    for modern in (False, True):
        fields = gateway.tool("compare_runs", ids, token, modern)["structuredContent"]
        same([each["name"] for each in fields["inputs"]], ["parameter /growth"])
        (value,) = [each for each in fields["diff"] if each["path"] == "/value"]
        same((value["base"], value["other"], value["change"], value["percent"], value["significant"]), (2, 4, 2, 100, True))
        same((fields["summary"]["equal"], fields["summary"]["changed"]), (1, 2))
    query = f"base_run_id={base['run_id']}&other_run_id={other['run_id']}&threshold=200&output_name=value"
    status, _, compared = gateway.ask("GET", f"/v1/comparisons?{query}", token)
    same((status, compared["diff"][0]["significant"]), (200, False))


EXPLAINED = """\
import json
p = json.load(open("/inputs/parameters.json"))
result = {"value": round(100 * p["growth"] * p["years"], 6), "same": 7}
"""


def explained_runs(space, gateway, token):
    """The ids of two runs, which two parameters make different, of a project whose image has a digest."""
    names = [each["metadata"]["name"] for each in space.items("/apis/modelrun.dev/v1alpha1/namespaces/{}/modelprojects")]
    if "explained" not in names:
        space.project("explained", url=space.repo({"run.py": EXPLAINED}, name=f"{space.name}-explained"))
    run = {"scope": "project", "mode": "async", "project_name": "explained"}
    ids = [
        gateway.ask("POST", "/v1/runs", token, {**run, "parameters": {"growth": growth, "years": years}})[2]["run_id"]
        for growth, years in ((0.1, 2), (0.3, 3))
    ]
    return [finished(gateway, token, run_id)["run_id"] for run_id in ids]


@case
def two_runs_are_explained(space, gateway):
    token = space.token("editor")
    base, other = explained_runs(space, gateway, token)
    ids = {"base_run_id": base, "other_run_id": other}

    def explained(ask):
        def over():
            fields = ask()
            return fields if fields["status"] != "running" else None

        return wait_for(over, 120, "the runs in between are over")

    by_http = explained(lambda: gateway.ask("POST", "/v1/explanations", token, {**ids, "wait_seconds": 0})[2])
    same((by_http["status"], by_http["numbers_changed"]), ("success", 1))
    (bridge,) = by_http["bridges"]
    same((bridge["path"], bridge["from"], bridge["to"], bridge["change"]), ("/value", 20, 90, 70))
    same([(each["cause"], each["value"], each["contribution"]) for each in bridge["steps"]],
         [("parameter growth", 60, 40), ("parameter years", 90, 30)])
    same([each["cause"] for each in by_http["steps"]], ["parameter growth", "parameter years"])
    same(by_http["steps"][-1]["run_id"], other)
    runs = len(space.items(RUNS))
    for modern in (False, True):
        answer = gateway.tool("explain_runs", ids, token, modern)
        same((answer["isError"], answer["structuredContent"]), (False, by_http))
    same(len(space.items(RUNS)), runs)  # the same call goes on with the same runs
    # Who may not start runs is refused before one is made, and told apart from who may not see them.
    viewer = gateway.ask("POST", "/v1/explanations", space.token("viewer"), ids)
    same((viewer[0], gateway.ask("POST", "/v1/explanations", space.token("stranger"), ids)[0]), (403, 404))
    same(len(space.items(RUNS)), runs)


def git(folder, *arguments):
    who = ("-c", "user.name=modelrun", "-c", "user.email=modelrun@localhost")
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, stdout=subprocess.DEVNULL)


@case
def two_branches_are_compared(space, gateway):
    token = space.token("editor")
    with tempfile.TemporaryDirectory() as folder:
        git(folder, "init", "-q", "-b", "main")
        for branch, value in (("main", 100), ("next", 125)):
            if branch != "main":
                git(folder, "checkout", "-q", "-b", branch)
            with open(os.path.join(folder, "run.py"), "w", encoding="utf-8") as file:
                file.write(f"result = {{'value': {value}}}\n")
            git(folder, "add", "run.py")
            git(folder, "commit", "-q", "-m", branch)
        space.project("branches", url=hack("repo", folder, f"{space.name}-branches"))
        arguments = {"project_name": "branches", "scenario_branch": "next", "wait_seconds": 120}
        fields = gateway.tool("compare_branches", arguments, token)["structuredContent"]
        same((fields["status"], fields["base_branch"], fields["scenario_branch"]), ("success", "main", "next"))
        same([(each["path"], each["change"], each["percent"]) for each in fields["diff"]], [("/value", 25, 25)])
        assert fields["base_commit_sha"] != fields["scenario_commit_sha"], fields
        missing = gateway.tool("compare_branches", {**arguments, "scenario_branch": "gone"}, token)["structuredContent"]
        same((missing["status"], missing["scenario_status"]), ("failed", "failed"))
        assert "The run of gone did not succeed" in missing["message"], missing
