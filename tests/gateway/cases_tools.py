"""The five tools by plain HTTP, tokens and rights."""

import asyncio
import subprocess

import clients
from cluster import RUNS
from gateway import ASYNC, SYNC, Gateway, binary, finished, in_background, wait_for
from harness import case, same


@case
def async_run_then_get_run(space, gateway):
    token = space.token("editor")
    status, headers, run = gateway.ask("POST", "/v1/runs", token, {**ASYNC, "scope": "model", "model_name": "fails"})
    same(status, 202)
    same(headers["Location"], "/v1/runs/" + run["run_id"])
    assert len(run["commit_sha"]) == 40 and run["run_number"] >= 1, run
    ended = finished(gateway, token, run["run_id"][:13])
    same(ended["status"], "failed")
    same(ended["output"], None)
    assert "NonZeroExit" in ended["error_message"] and "no data" in ended["error_message"], ended
    listed = gateway.ask("GET", "/v1/runs?project_name=forecasts&status=failed", token)[2]
    assert run["run_id"] in [each["run_id"] for each in listed["runs"]], listed


@case
def outputs_large_and_small(space, gateway):
    token = space.token("editor")
    _, _, run = gateway.ask("POST", "/v1/runs", token, {**SYNC, "scope": "model", "model_name": "big"})
    same((run["status"], run["error"]), ("success", None))
    same(len(run["outputs"]["text"]), 300000)
    one = gateway.ask("GET", f"/v1/runs/{run['run_id']}/outputs/text.json", token)[2]
    same((one["size_bytes"], one["encoding"], one["resolution_path"]), (300000, "text", "output_without_json"))
    _, _, run = gateway.ask("POST", "/v1/runs", token, SYNC)
    same(gateway.ask("GET", f"/v1/runs/{run['run_id']}/outputs/note.txt", token)[2]["content"], "a note\n")


@case
def logs_are_followed_and_a_run_is_cancelled(space, gateway):
    token = space.token("editor")
    _, _, run = gateway.ask("POST", "/v1/runs", token, {**ASYNC, "scope": "model", "model_name": "slow"})
    with gateway.stream(f"/v1/runs/{run['run_id']}/logs", token) as lines:
        # A run is called running before its model has said anything.
        first = ""
        while "begun" not in first:
            first += next(lines)
        assert "event: log" in first and '"status":"running"' in first, first
        status, _, answer = gateway.ask("POST", f"/v1/runs/{run['run_id']}/cancel", token)
        same((status, answer["run_id"]), (200, run["run_id"]))
        rest = "".join(lines)
    assert "event: end" in rest and '"status":"cancelled"' in rest, first + rest


@case
def rights_are_kubernetes_own(space, gateway):
    editor, viewer, stranger = (space.token(who) for who in ("editor", "viewer", "stranger"))
    _, _, run = gateway.ask("POST", "/v1/runs", editor, ASYNC)
    run_id = run["run_id"]
    same(gateway.ask("GET", f"/v1/runs/{run_id}", viewer)[0], 200)
    same(gateway.ask("POST", "/v1/runs", viewer, ASYNC)[0], 403)
    same(gateway.ask("POST", f"/v1/runs/{run_id}/cancel", viewer)[0], 403)
    for method, path, body in (
        ("GET", f"/v1/runs/{run_id}", None),
        ("GET", "/v1/runs?project_name=forecasts", None),
        ("POST", "/v1/runs", ASYNC),
        ("POST", f"/v1/runs/{run_id}/cancel", None),
        ("GET", f"/v1/runs/{run_id[:8]}", None),
    ):
        same(gateway.ask(method, path, stranger, body)[0], 404)
    same(gateway.ask("GET", "/v1/runs?project_name=kube-system/forecasts", editor)[0], 404)


@case
def tokens_that_are_not_for_us(space, gateway):
    for token in (None, "nothing", "mrt_" + "a" * 43, space.token("editor", "https://kubernetes.default.svc")):
        status, headers, _ = gateway.ask("GET", "/v1/runs?project_name=forecasts", token)
        same(status, 401)
        assert "resource_metadata=" in headers["WWW-Authenticate"], headers
    assert space.token("editor")[:40] not in gateway.text()


@case
def api_tokens(space, gateway):
    def cli(*words):
        command = [binary("kubectl-modelrun"), "token", *words, "--token-namespace", space.name]
        place = ["--kubeconfig", space.cluster.kubeconfig, "-n", space.name]
        return subprocess.run([*command, *place], check=True, capture_output=True, text=True).stdout.strip()

    token = cli("create", "ci")
    same(len(token), 47)
    assert "ci" in cli("list")
    same(gateway.ask("POST", "/v1/runs", token, ASYNC)[0], 404)
    space.bind("ci", "modelrun-editor", {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "modelrun-token:ci"})
    wait_for(lambda: gateway.ask("POST", "/v1/runs", token, ASYNC)[0] == 202, 30, "the right is seen")
    cli("revoke", token)
    wait_for(lambda: gateway.ask("GET", "/v1/runs?project_name=forecasts", token)[0] == 401, 30, "the token is revoked")


@case
def idempotency_key_makes_one_run(space, gateway):
    token = space.token("editor")
    before = {run["metadata"]["name"] for run in space.items(RUNS)}
    runs = [gateway.ask("POST", "/v1/runs", token, ASYNC, Idempotency_Key="k") for _ in range(3)]
    same(len({run["run_id"] for _, _, run in runs}), 1)
    same(gateway.ask("POST", "/v1/runs", token, {**ASYNC, "branch": "other"}, Idempotency_Key="k")[0], 422)
    made = [run for run in space.items(RUNS) if run["metadata"]["name"] not in before]
    same(len(made), 1)
    assert made[0]["metadata"]["annotations"]["modelrun.dev/requested-by"].endswith(":editor"), made


@case
def bad_requests_say_what_to_do(space, gateway):
    token = space.token("editor")

    async def answers():
        async with clients.python(gateway.url + "/mcp", token) as client:
            return [
                await client.call("run", {**ASYNC, "commit_sha": "not a commit"}),
                await client.call("run", {**ASYNC, "project_name": "nothing"}),
                await client.call("get_run", {"run_id": "00000000"}),
            ]

    for answer, words in zip(asyncio.run(answers()), ("commitSHA", "no project 'nothing'", "no run"), strict=True):
        same(answer.is_error, True)
        assert words in answer.text, answer


@case
def ending_the_gateway_ends_no_run(space, gateway):
    token = space.token("editor")
    with Gateway(space, "--stop-grace", "0") as other:
        call = in_background(other.ask, "POST", "/v1/runs", token, {**SYNC, "scope": "model", "model_name": "slow"})
        other.metrics_until('modelrun_api_requests_total{code="201",resource="modelruns",verb="create"}', 1)
        same(other.stop(), 0)
        status, _, problem = call()
    same(status, 503)
    assert "goes on" in problem["detail"], problem
    run_id = problem["detail"].split("Run ")[1].split(" ")[0]
    assert gateway.ask("GET", f"/v1/runs/{run_id}", token)[2]["status"] in ("pending", "running")
    same(gateway.ask("POST", f"/v1/runs/{run_id}/cancel", token)[0], 200)
