"""The tools as their reference describes them: every worked example on a real node, by the official client and by curl, field
by field. A shape says for each field of an answer what it must be; another field, or one that is missing, is a failure."""

import json
import re
import subprocess

from clients import with_python
from gateway import FINAL, finished, wait_for
from harness import case, same

FILES = {
    "run.py": """
import json, pathlib
given = pathlib.Path("/inputs/parameters.json")
print("Run completed")
result = {"revenue": [100, 110, 121], "given": json.loads(given.read_text()) if given.exists() else "no file"}
""",
    "model/revenue.py": """
import json, pathlib
rate = json.loads(pathlib.Path("/inputs/parameters.json").read_text())["discount_rate"]
result = {"revenue": round(1000 / (1 + rate), 2)}
""",
    "model/plain.py": "import time\ntime.sleep(3)\nresult = {'x': 1}\n",
    "model/slow.py": "import time\ntime.sleep(120)\n",
    "model/fails.py": "import sys\nprint('so far')\nprint('no data', file=sys.stderr)\nsys.exit(3)\n",
    "model/loud.py": "print('x' * 3000000)\nresult = {'text': 'y' * 600000}\n",
}
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00"


def text(pattern=r"(?s).*"):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value)


def is_a(kind):
    """A bool is no number here."""
    return lambda value: isinstance(value, kind) and not (kind is not bool and isinstance(value, bool))


def just(expected):
    return lambda value: type(value) is type(expected) and value == expected


NONE = type(None)
SYNC = {
    "run_id": text(UUID), "project": just("acme"), "branch": just(None), "commit_sha": text("[0-9a-f]{40}"),
    "status": just("success"), "exit_code": just(0), "stdout": text(), "stderr": just(""), "stdout_truncated": just(False),
    "stderr_truncated": just(False), "outputs": is_a(dict), "duration_seconds": is_a((int, float)),
    "data_snapshot_ref": just(None), "error": just(None),
}  # fmt: skip
QUEUED = {
    "run_id": text(UUID), "run_number": is_a(int), "status": just("pending"), "project_name": just("acme"),
    "model_name": just(None), "commit_sha": text("[0-9a-f]{40}"), "message": text(".*get_run.*"), "warning": just(None),
}  # fmt: skip
GOT = {
    "run_id": text(UUID), "run_number": is_a(int), "project_name": just("acme"), "status": just("success"),
    "commit_sha": text("[0-9a-f]{40}"), "started_at": text(TIME), "finished_at": text(TIME), "error_message": just(None),
    "output": is_a(dict), "truncated": just(False),
    # Beyond the reference's:
    "model_name": is_a((str, NONE)), "parameters": is_a((dict, NONE)), "waiting_for": is_a((str, NONE)), "warning": is_a((str, NONE)),
}  # fmt: skip
PAYLOAD = {"status": just("success"), "exit_code": just(0), "stdout": text(), "stderr": just(""), "outputs": is_a(dict)}


def fits(answer, shape, **changed):
    same(sorted(answer), sorted(shape))
    for name, good in {**shape, **changed}.items():
        good = good if callable(good) else just(good)
        assert good(answer[name]), f"{name}: {str(answer[name])[:200]!r}"
    return answer


def by_client(gateway, token, tool, arguments):
    """(fields, or the text of the error; whether it is one)"""

    async def work(client):
        return await client.call_tool(tool, arguments)

    gateway.tokens.add(token)
    answer = with_python(gateway, token, work)
    if answer.is_error:
        return answer.content[0].text, True
    fields, shown = answer.structured_content, json.loads(answer.content[0].text)
    if len(json.dumps(fields)) > 64 << 10:  # more than clients take
        shown = {name: fields[name] if "in structuredContent" in str(value) else value for name, value in shown.items()}
    same(shown, fields)
    return answer.structured_content, False


def by_curl(gateway, token, tool, arguments):
    """The same over plain HTTP."""
    gateway.tokens.add(token)
    command = ["curl", "-sS", "--max-time", "170", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {token}"]
    if tool == "run":
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(arguments), gateway.url + "/v1/runs"]
    else:
        command += [f"{gateway.url}/v1/runs/{arguments['run_id']}"]
    body, status = subprocess.run(command, check=True, capture_output=True, text=True).stdout.rsplit("\n", 1)
    answer = json.loads(body)
    if int(status) < 400:
        same(int(status), 202 if arguments.get("mode") == "async" else 200)
        return answer, False
    same((answer["status"], sorted(answer)), (int(status), ["detail", "status", "title", "type"]))
    return answer["detail"], True


WAYS = (by_client, by_curl)


def acme(space):
    """The project of the examples; made once. Gives a token for it."""
    if not space.exists(f"/apis/modelrun.dev/v1alpha1/namespaces/{space.name}/modelprojects/acme"):
        space.project("acme", url=space.repo(FILES, name=space.name + "-acme"))
    return space.token("editor")


def example(scope, mode, **more):
    return {"scope": scope, "mode": mode, "project_name": "acme", **more}


@case
def reference_project_sync(space, gateway):
    token = acme(space)
    for way in WAYS:
        for more, given in (
            ({}, "no file"),
            ({"parameters": {}}, {}),
            ({"parameters": {"discount_rate": 0.08}}, {"discount_rate": 0.08}),
            ({"parameters": None, "model_name": None, "branch": None, "commit_sha": None}, "no file"),
            ({"model_name": "is-ignored"}, "no file"),
        ):
            fields, wrong = way(gateway, token, "run", example("project", "sync", **more))
            same((fields if wrong else "", wrong), ("", False))
            fits(fields, SYNC, stdout="Run completed\n", outputs=lambda o, given=given: o == {"revenue": [100, 110, 121], "given": given})
            assert 0 < fields["duration_seconds"] < 60, fields
        again, _ = way(gateway, token, "run", example("project", "sync", branch="main", commit_sha=fields["commit_sha"]))
        fits(again, SYNC, branch=None, commit_sha=fields["commit_sha"])  # nobody looks whether the commit is on the branch
        of_branch, _ = way(gateway, token, "run", example("project", "sync", branch="main", parameters='{"a": 1}'))
        fits(of_branch, SYNC, branch="main", outputs=lambda o: o["given"] == {"a": 1})


@case
def reference_model_sync(space, gateway):
    token = acme(space)
    for way in WAYS:
        arguments = example("model", "sync", model_name="revenue", parameters={"discount_rate": 0.08})
        fields, _ = way(gateway, token, "run", arguments)
        fits(fields, SYNC, stdout="", outputs=lambda o: o == {"revenue": 925.93})
        # A model that fails is an answer, with what it left.
        fields, wrong = way(gateway, token, "run", example("model", "sync", model_name="fails"))
        same(wrong, False)
        fits(fields, SYNC, status="failed", exit_code=3, stdout="so far\n", stderr="no data\n", error=text("(?s)NonZeroExit: .+"), outputs=lambda o: o == {})
        # One that never ran has neither exit code nor duration.
        fields, wrong = way(gateway, token, "run", example("model", "sync", model_name="not_there"))
        same(wrong, False)
        never_ran = {"exit_code": None, "duration_seconds": None}
        fits(fields, SYNC, status="failed", stdout="", error=text("(?s)EntryPointNotFound: .*not_there.*"), **never_ran)


@case
def reference_async_and_get_run(space, gateway):
    token = acme(space)
    for way in WAYS:
        for arguments, model, outputs in (
            (example("project", "async"), None, {"revenue": [100, 110, 121], "given": "no file"}),
            (example("model", "async", model_name="plain"), "plain", {"x": 1}),
        ):
            queued, _ = way(gateway, token, "run", arguments)
            fits(queued, QUEUED, model_name=model)
            early, _ = way(gateway, token, "get_run", {"run_id": queued["run_id"]})
            if early["status"] == "pending":
                fits(early, GOT, status="pending", started_at=None, finished_at=None, output=None)
            finished(gateway, token, queued["run_id"])
            for run_id in (queued["run_id"], queued["run_id"][:8], queued["run_id"].replace("-", "")):
                got, _ = way(gateway, token, "get_run", {"run_id": run_id})
                fits(got, GOT, **{name: queued[name] for name in ("run_id", "run_number", "commit_sha")})
                fits(got["output"], PAYLOAD, outputs=lambda o, outputs=outputs: o == outputs)
            assert got["started_at"] < got["finished_at"], got
        numbers = [queued["run_number"]]
        queued, _ = way(gateway, token, "run", example("model", "async", model_name="fails"))
        assert queued["run_number"] > numbers[0], queued
        finished(gateway, token, queued["run_id"])
        got, _ = way(gateway, token, "get_run", {"run_id": queued["run_id"]})
        fits(got, GOT, status="failed", output=None, error_message=text("(?s)NonZeroExit: .*no data\n?"))


@case
def reference_running_run(space, gateway):
    token = acme(space)
    queued, _ = by_curl(gateway, token, "run", example("model", "async", model_name="slow"))

    def running():
        got, _ = by_curl(gateway, token, "get_run", {"run_id": queued["run_id"]})
        return got if got["status"] in ("running", *FINAL) else None

    got = wait_for(running, 60, "it runs")
    same(got["status"], "running")
    fits(got, GOT, status="running", finished_at=None, output=None)
    by_client(gateway, token, "cancel_run", {"project_name": "acme", "run_id": queued["run_id"]})


@case
def reference_large_results_are_cut(space, gateway):
    token = acme(space)
    for way in WAYS:
        fields, _ = way(gateway, token, "run", example("model", "sync", model_name="loud"))
        fits(fields, SYNC, stdout_truncated=True, outputs=lambda o: o == {"text": "y" * 600000})
        got, _ = way(gateway, token, "get_run", {"run_id": fields["run_id"]})
        fits(got, GOT, truncated=True)
        fits(got["output"], PAYLOAD)
        assert len(json.dumps(got["output"])) <= 1 << 20, len(json.dumps(got["output"]))


@case
def reference_errors(space, gateway):
    token = acme(space)
    commit = "0" * 40
    for way in WAYS:
        for arguments, words in (
            ({"mode": "sync", "project_name": "acme"}, "scope"),
            ({"scope": "project", "project_name": "acme"}, "mode"),
            ({"scope": "project", "mode": "sync"}, "project_name"),
            (example("everything", "sync"), "scope"),
            (example("project", "later"), "mode"),
            (example("model", "sync"), "model_name"),
            (example("model", "sync", model_name=""), "model_name"),
            (example("model", "sync", model_name="../run"), "model"),
            (example("model", "async", model_name="revenue.py"), "model"),
            (example("project", "sync", parameters="{"), "parameters"),
            (example("project", "sync", parameters=[1]), "parameters"),
            (example("project", "sync", parameters={"x": "y" * 65536}), "parameters"),
            (example("project", "sync", commit_sha="abc"), "commit"),
            (example("project", "sync", project_name="no-such-project"), "no-such-project"),
            (example("project", "sync", project_name="No Name"), "project_name"),
            (example("project", "sync", surprise=1), "surprise"),
        ):
            detail, wrong = way(gateway, token, "run", arguments)
            same((arguments, wrong), (arguments, True))
            assert words in detail, f"{arguments}: {detail}"
        largest = {"x": "y" * (64 * 1024 - len('{"x":""}') - 1)}
        fields, wrong = way(gateway, token, "run", example("project", "sync", parameters=largest))
        same((wrong, fields["status"]), (False, "success"))
        fields, wrong = way(gateway, token, "run", example("project", "async", commit_sha=commit))
        same(wrong, False)
        ended = finished(gateway, token, fields["run_id"])
        fits(ended, GOT, status="failed", commit_sha=lambda c: c in (None, commit), started_at=None, output=None, error_message=text("(?s)RefNotFound: .+"), run_number=is_a((int, type(None))))
        for run_id, words in (("0" * 8, "no run"), ("1234567", "8"), ("not-an-id", "run_id"), ("66666666-6666-6666-6666-666666666666", "no run")):
            detail, wrong = way(gateway, token, "get_run", {"run_id": run_id})
            same((run_id, wrong), (run_id, True))
            assert words in detail, detail


@case
def reference_schemas(space, gateway):
    async def work(client):
        return {tool.name: tool for tool in (await client.list_tools()).tools}

    tools = with_python(gateway, acme(space), work)
    schema = tools["run"].input_schema
    names = ["scope", "mode", "project_name", "model_name", "branch", "commit_sha", "parameters"]
    same((sorted(schema["properties"]), sorted(schema["required"])), (sorted(names), sorted(names[:3])))
    same([schema["properties"][name]["enum"] for name in names[:2]], [["project", "model"], ["sync", "async"]])
    for name in names[3:]:
        same((name, schema["properties"][name]["default"], "null" in schema["properties"][name]["type"]), (name, None, True))
    got = tools["get_run"]
    same((list(got.input_schema["properties"]), got.input_schema["required"]), (["run_id"], ["run_id"]))
    same((got.annotations.read_only_hint, got.annotations.idempotent_hint), (True, True))
    same(sorted(got.output_schema["properties"]), sorted(GOT))
    same(sorted(set(SYNC) | set(QUEUED)), sorted(tools["run"].output_schema["properties"]))
