"""Connections and requests to the run server and to the gateway."""

import contextlib
import json
import uuid

from attack import attack
from cluster import OPERATOR_PODS
from gateway import ASYNC, SYNC
from product import RUN_SERVER_PORT

CHATTER = "import time\nfor i in range(100_000):\n    print('x' * 1000, flush=True)\n    time.sleep(0.002)\n"


@attack
def connections_without_a_token_to_the_run_server(attacker):
    pods = attacker.get(OPERATOR_PODS)["items"]
    address = next(p["status"]["podIP"] for p in pods if p["metadata"]["name"] == attacker.product.leader)
    attacker.begin()
    with attacker.flood(2000, address=address, port=RUN_SERVER_PORT) as told:
        attacker.go_on()
    assert told["opened"] >= 2000, told
    return f"{told['opened']} connections"


@attack
def bodies_that_do_not_come(attacker):
    token = attacker.wait_for_right("editor")
    request = attacker.head("POST", "/v1/runs", token, Content_Type="application/json", Content_Length=1 << 20)
    attacker.begin()
    with attacker.flood(64, request) as told:
        attacker.go_on()
    assert told["most"] == 64, told
    return f"{told['opened']} connections"


@attack
def idle_connections_of_one_address(attacker):
    attacker.begin()
    with attacker.flood(3100) as told:
        attacker.go_on()
    assert told["opened"] >= 3100, told
    return f"{told['opened']} connections"


@contextlib.contextmanager
def chatting_run(attacker):
    """The id of a run that writes its log all the time."""
    attacker.project("chatter", files={"run.py": CHATTER})
    attacker.run("chatter", project="chatter", timeoutSeconds=300)
    run_id = attacker.wait_phase("chatter", ("Running",), 60)["runID"]
    attacker.begin()
    yield run_id
    attacker.patch_run("chatter", cancel=True)


@attack
def logs_that_are_not_read(attacker):
    token = attacker.wait_for_right()
    with chatting_run(attacker) as run_id, attacker.flood(30, attacker.head("GET", f"/v1/runs/{run_id}/logs", token), "deaf") as told:
        attacker.go_on()
    assert told["statuses"].get("200"), told
    return f"{told['opened']} connections"


@attack(short=True)
def random_tokens(attacker):
    attacker.begin()
    with attacker.flood(50, attacker.head("GET", "/v1/runs", "mrt_RANDOM_TOKEN"), "answers") as told:
        attacker.go_on()
    assert told["statuses"].get("401") and told["statuses"].get("429"), told
    return f"{sum(told['statuses'].values())} requests"


@attack
def unknown_run_ids(attacker):
    token = attacker.wait_for_right()
    attacker.begin()
    with attacker.flood(50, attacker.head("GET", "/v1/runs/RANDOM_ID", token), "answers") as told:
        attacker.go_on()
    assert told["statuses"].get("404") and told["statuses"].get("429"), told
    return f"{sum(told['statuses'].values())} requests"


@attack
def all_log_streams_and_waiting_places(attacker):
    """64 logs and 2,000 calls that wait for one run, all of one caller."""
    attacker.project("waits", files={"run.py": "result = 1\n"}, suspend=True)
    token = attacker.wait_for_right("editor")
    body = json.dumps({**SYNC, "project_name": "waits"})
    assert attacker.gateway.ask("POST", "/v1/runs", token, {**ASYNC, "project_name": "waits"})[0] == 202
    call = attacker.head(
        "POST", "/v1/runs", token, Content_Type="application/json", Content_Length=len(body), Idempotency_Key=uuid.uuid4().hex
    )
    with chatting_run(attacker) as run_id:
        logs = attacker.flood(64, attacker.head("GET", f"/v1/runs/{run_id}/logs", token), "deaf")
        with logs as of_logs, attacker.flood(2000, call + body, "answers") as of_calls:
            attacker.go_on()
    assert of_logs["statuses"].get("200") and of_logs["statuses"].get("429"), of_logs
    assert of_calls["statuses"].get("429"), of_calls
    return f"{of_calls['opened'] + of_logs['opened']} connections"
