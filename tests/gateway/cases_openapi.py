"""The OpenAPI document against its own specification, and every answer of plain HTTP against the document."""

import re

from gateway import ASYNC, SYNC, finished, is_json
from harness import case, same
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator


class Document:
    def __init__(self, text):
        self.text = text
        self.answered = set()  # operationId and status

    def operation(self, method, path):
        path = path.split("?")[0]
        for template, item in self.text["paths"].items():
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in item:
                return item[method.lower()]
        raise AssertionError(f"the document has no {method} {path}")

    def check(self, method, path, answer):
        """Gives the body."""
        status, headers, body = answer
        operation = self.operation(method, path)
        responses = operation["responses"]
        response = responses.get(str(status), responses["default"] if status >= 400 else None)
        assert response, f"{operation['operationId']} does not say that it may answer {status}"
        kind = headers["Content-Type"]
        assert kind in response["content"], f"{operation['operationId']}, {status}: {kind} is not declared"
        self.answered.add((operation["operationId"], status))
        if is_json(kind):
            schema = {**response["content"][kind]["schema"], "components": self.text["components"]}
            errors = list(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(body))
            assert not errors, f"{operation['operationId']}, {status}: {errors[0].message} at {list(errors[0].path)}"
            if status < 300:
                named = self.text["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
                unknown = set(body) - set(named["properties"])
                assert not unknown, f"{operation['operationId']}: {unknown} are not declared"
        return body


@case
def plain_http_answers_as_its_openapi_document_says(space, gateway):
    token = space.token("editor")
    document = Document(gateway.ask("GET", "/openapi.json", token)[2])
    OpenAPIV31SpecValidator(document.text).validate()

    def ask(method, path, body=None, who=token):
        return document.check(method, path, gateway.ask(method, path, who, body))

    ask("GET", "/v1/projects")
    done = ask("POST", "/v1/runs", SYNC)
    failed = ask("POST", "/v1/runs", {**SYNC, "scope": "model", "model_name": "fails"})
    slow = ask("POST", "/v1/runs", {**ASYNC, "scope": "model", "model_name": "slow"})
    ask("GET", f"/v1/runs/{slow['run_id']}")
    ask("GET", f"/v1/runs/{slow['run_id']}/details")
    ask("POST", f"/v1/runs/{slow['run_id']}/cancel")
    finished(gateway, token, slow["run_id"])
    for run in (done, failed, slow):
        ask("GET", f"/v1/runs/{run['run_id']}")
        ask("GET", f"/v1/runs/{run['run_id']}/details")
        ask("GET", f"/v1/runs/{run['run_id']}/logs")
        ask("GET", f"/v1/runs/{run['run_id']}/log?stream=stdout&limit=1000")
    ask("GET", "/v1/runs?project_name=forecasts&limit=50")
    ask("GET", "/v1/runs")
    page = ask("GET", "/v1/runs?limit=1")
    ask("GET", f"/v1/runs?limit=1&cursor={page['next_cursor']}")
    ask("GET", "/v1/projects?project_name=forecasts")
    ask("GET", "/v1/runs?search=forecasts&sort=-duration&status=success")
    ask("GET", "/v1/runs?sort=size")
    ask("GET", f"/v1/runs/{done['run_id']}/outputs/revenue?offset=0&limit=4")
    ask("GET", f"/v1/runs/{done['run_id']}/outputs/revenue")
    ask("GET", f"/v1/runs/{done['run_id']}/artifacts/note.txt")
    points = {"project_name": "forecasts", "points": [{"growth": 0.1}, {"growth": 0.2}]}
    swept = ask("POST", "/v1/sweeps", {**points, "wait_seconds": 60})
    ask("GET", f"/v1/sweeps/{swept['sweep_id']}?offset=1&limit=1")
    ask("GET", f"/v1/sweeps/{swept['sweep_id']}/table")
    ask("GET", f"/v1/sweeps/{swept['sweep_id']}/table?format=jsonl")
    begun = ask("POST", "/v1/sweeps", {**points, "wait_seconds": 0})
    ask("POST", f"/v1/sweeps/{begun['sweep_id']}/cancel")
    ask("GET", "/v1/sweeps?project_name=forecasts&limit=1")
    ask("GET", f"/v1/comparisons?base_run_id={done['run_id']}&other_run_id={done['run_id']}&threshold=0.5")
    ask("POST", "/v1/comparisons", {"project_name": "forecasts", "scenario_branch": "no-such-branch", "wait_seconds": 0})
    grown = ask("POST", "/v1/runs", {**SYNC, "parameters": {"growth": 0.1}})
    ask("POST", "/v1/explanations", {"base_run_id": done["run_id"], "other_run_id": grown["run_id"]})
    ask("POST", "/v1/explanations", {"base_run_id": done["run_id"], "other_run_id": done["run_id"]})
    # Whatever is wrong is told in the one form.
    ask("POST", "/v1/sweeps", {"project_name": "forecasts"})
    ask("GET", "/v1/sweeps/00000000-0000-0000-0000-000000000000")
    ask("GET", "/v1/sweeps?project_name=nothing")
    ask("GET", "/v1/runs?project_name=nothing")
    ask("GET", "/v1/runs/00000000-0000-0000-0000-000000000000")
    ask("GET", "/v1/runs/not-an-id/details")
    ask("GET", f"/v1/runs/{done['run_id']}/outputs/nothing")
    ask("GET", f"/v1/runs/{done['run_id']}/artifacts/nothing")
    ask("POST", "/v1/runs", {"scope": "everything"})
    ask("POST", "/v1/runs", SYNC, space.token("viewer"))
    ask("GET", "/v1/runs", None, "nobody")
    every = {operation["operationId"] for item in document.text["paths"].values() for operation in item.values()}
    same({name for name, status in document.answered if status < 300}, every)
