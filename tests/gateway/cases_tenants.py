"""Two teams on one gateway: what is the other's is not there, whatever it is asked for by, and in which protocol."""

import json
import re
import statistics
import time
import uuid

from cluster import RUNS
from gateway import ASYNC, AUDIENCE, FILES, SYNC, GatewaySpace, finished, wait_for
from harness import case, same

ERROR = "isError"


class Team:
    """One namespace's editor; asks by plain HTTP and by MCP in both eras."""

    def __init__(self, space, gateway):
        self.space, self.gateway, self.token = space, gateway, space.token("editor", AUDIENCE)

    def http(self, method, path, body=None, **headers):
        return self.patiently(method, path, self.token, body, **headers)

    def patiently(self, *request, **headers):
        """One caller's requests come faster here than its share allows."""

        def answered():
            answer = self.gateway.ask(*request, **headers)
            return answer if answer[0] != 429 else None

        return wait_for(answered, 20, "another answer than 429")

    def tool(self, name, arguments, modern=False, **headers):
        """The result of tools/call."""
        return self.gateway.tool(name, arguments, self.token, modern, self.patiently, **headers)

    def run(self, **more):
        run_id = self.http("POST", "/v1/runs", {**ASYNC, **more})[2]["run_id"]
        return finished(self.gateway, self.token, run_id) if not more else self.http("GET", f"/v1/runs/{run_id}")[2]


class two_teams:  # pylint: disable=invalid-name
    """(ours, theirs): the namespace of all cases, and one more that ends with the case."""

    def __init__(self, space, gateway):
        self.space, self.gateway = space, gateway

    def __enter__(self):
        self.other = GatewaySpace(self.space.cluster, "others")
        self.other.project("forecasts", files=FILES)
        self.other.project("secret-plans", files=FILES)
        self.other.post(f"/api/v1/namespaces/{self.other.name}/serviceaccounts", {"metadata": {"name": "editor"}})
        subject = {"kind": "ServiceAccount", "name": "editor", "namespace": self.other.name}
        self.other.bind("editor", "modelrun-editor", subject)
        ours, theirs = Team(self.space, self.gateway), Team(self.other, self.gateway)
        wait_for(lambda: theirs.http("GET", "/v1/runs?project_name=forecasts")[0] == 200, 20, "their right is seen")
        return ours, theirs

    def __exit__(self, *unused):
        self.other.remove()


def blanked(answer, *names):
    """Its text without ids, numbers of JSON-RPC and the names that were asked for."""
    text = json.dumps(answer, sort_keys=True)
    for name in names:
        text = text.replace(name, "NAME")
    return re.sub(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|\b[0-9a-f]{8,32}\b", "ID", text)


def same_refusal(ask, theirs, nobodys):
    """ask(id) of a run of theirs answers what it answers for one that was never there."""
    forbidden, absent = ask(theirs), ask(nobodys)
    same(blanked(forbidden), blanked(absent))
    return forbidden


@case
def the_others_runs_are_not_there(space, gateway):
    with two_teams(space, gateway) as (ours, theirs):
        own, run = ours.run(), theirs.run()
        same([own["status"], run["status"]], ["success", "success"])
        nobodys = str(uuid.uuid4())
        requests = [
            ("GET", "/v1/runs/{}"),
            ("GET", "/v1/runs/{}/logs"),
            ("GET", "/v1/runs/{}/log"),
            ("GET", "/v1/runs/{}/outputs/revenue"),
            ("GET", "/v1/runs/{}/outputs/note.txt"),
            ("POST", "/v1/runs/{}/cancel"),
        ]
        for method, path in requests:
            def by_http(run_id, method=method, path=path):
                status, headers, body = ours.http(method, path.format(run_id))
                return status, sorted(name for name in headers.keys()), body

            for cut in (36, 13, 8):
                if "cancel" in path and cut != 36:
                    continue
                same(same_refusal(by_http, run["run_id"][:cut], nobodys[:cut])[0], 404)
            same((path, theirs.http(method, path.format(run["run_id"]))[0]), (path, 200))
        for first, second in (("base_run_id", "other_run_id"), ("other_run_id", "base_run_id")):
            def explained(run_id, first=first, second=second):
                return ours.tool("explain_runs", {first: own["run_id"], second: run_id})

            same(same_refusal(explained, run["run_id"], nobodys)[ERROR], True)
        calls = [
            ("get_run", {}),
            ("get_run_output", {"output_name": "revenue"}),
            ("get_run_log", {}),
            ("cancel_run", {"project_name": "forecasts"}),
            ("cancel_run", {"project_name": f"{theirs.space.name}/forecasts"}),
        ]
        for modern in (False, True):
            for name, more in calls:
                answer = same_refusal(
                    lambda run_id, name=name, more=more: ours.tool(name, {"run_id": run_id, **more}, modern), run["run_id"], nobodys
                )
                same((name, answer[ERROR]), (name, True))
                same((name, theirs.tool(name, {"run_id": run["run_id"], **more}, modern)[ERROR]), (name, False))
        same(ours.http("GET", f"/v1/runs/{own['run_id'][:8]}")[2]["run_id"], own["run_id"])


@case
def the_others_projects_are_not_there(space, gateway):
    with two_teams(space, gateway) as (ours, theirs):
        run, name = theirs.run(), theirs.space.name
        none = f"{name}x"
        for project in ("forecasts", "secret-plans", "never-was"):
            for namespace in (name, none):
                names = (name, none, project)
                by_list = ours.http("GET", f"/v1/runs?project_name={namespace}/{project}")
                by_run = ours.http("POST", "/v1/runs", {**ASYNC, "project_name": f"{namespace}/{project}"})
                by_key = ours.http("POST", "/v1/runs", {**SYNC, "project_name": f"{namespace}/{project}"}, Idempotency_Key="k")
                for status, _, body in (by_list, by_run, by_key):
                    same((status, blanked(body["detail"], none, name, project)), (404, json.dumps("there is no project 'NAME' in namespace NAME that you can see")))
                for modern in (False, True):
                    for tool, more in (
                        ("list_runs", {}),
                        ("list_projects", {}),
                        ("list_sweeps", {}),
                        ("run", {"scope": "project", "mode": "async"}),
                        ("sweep", {"points": [{"growth": 1}]}),
                    ):
                        answer = ours.tool(tool, {"project_name": f"{namespace}/{project}", **more}, modern)
                        same((answer[ERROR], [n for n in names if n in answer["content"][0]["text"]] != []), (True, True))
        same(len(theirs.space.items(RUNS)), 1)
        same([each["run_id"] for each in theirs.http("GET", "/v1/runs?project_name=forecasts")[2]["runs"]], [run["run_id"]])
        listed = ours.http("GET", "/v1/runs?project_name=forecasts&limit=50")[2]["runs"]
        assert run["run_id"] not in [each["run_id"] for each in listed], listed


@case
def a_prefix_counts_ones_own_only(space, gateway):
    with two_teams(space, gateway) as (ours, theirs):
        own, run = ours.run(), theirs.run()
        # UIDs are the API server's to give, so a prefix that two teams share cannot be had; each must work for its owner
        # alone, and a shared one is proven with the same cache in tests/unit/gateway.
        for team, good, bad in ((ours, own, run), (theirs, run, own)):
            for cut in (8, 9, 13, 23, 35, 36):
                same(team.http("GET", f"/v1/runs/{good['run_id'][:cut]}")[2]["run_id"], good["run_id"])
                same(team.http("GET", f"/v1/runs/{bad['run_id'][:cut]}")[0], 404)
                same(team.http("GET", f"/v1/runs/{bad['run_id'][:cut].upper()}")[0], 404)
            same(team.http("GET", f"/v1/runs/{bad['run_id'][:7]}")[0], 422)


@case
def a_key_is_its_callers_own(space, gateway):
    with two_teams(space, gateway) as (ours, theirs):
        body, key = {**ASYNC, "parameters": {"x": 1}}, uuid.uuid4().hex
        mine = [ours.http("POST", "/v1/runs", body, Idempotency_Key=key)[2]["run_id"] for _ in range(2)]
        other = [theirs.http("POST", "/v1/runs", body, Idempotency_Key=key)[2]["run_id"] for _ in range(2)]
        same((len(set(mine)), len(set(other)), set(mine) & set(other)), (1, 1, set()))
        # Another body with the same key is refused to its owner, and is nothing special to others.
        changed = {**body, "parameters": {"x": 2}}
        same(ours.http("POST", "/v1/runs", changed, Idempotency_Key=key)[0], 422)
        # Also within one namespace a key is the caller's.
        space.bind("second", "modelrun-editor", {"kind": "ServiceAccount", "name": "default", "namespace": space.name})
        second = space.token("default")
        answer = wait_for(lambda: (a := gateway.ask("POST", "/v1/runs", second, changed, Idempotency_Key=key))[0] == 202 and a, 20, "202")
        assert answer[2]["run_id"] not in mine, answer
        by_tool = ours.tool("run", changed, modern=True, Idempotency_Key=key)
        same(by_tool[ERROR], True)
        assert "idempotency" in by_tool["content"][0]["text"], by_tool


@case
def refusals_take_equally_long(space, gateway):
    with two_teams(space, gateway) as (ours, theirs):
        run, nobodys = theirs.run(), str(uuid.uuid4())
        spent = {run["run_id"]: [], nobodys: []}
        for _ in range(25):
            for run_id, times in spent.items():
                begun = time.monotonic()
                same(ours.http("GET", f"/v1/runs/{run_id}")[0], 404)
                times.append(time.monotonic() - begun)
        forbidden, absent = (statistics.median(times) for times in spent.values())
        assert abs(forbidden - absent) < 0.5 * max(forbidden, absent) + 0.002, (forbidden, absent)
