"""Real clients of other makers, each in the eras that it speaks, on the same tour through the tools."""

import asyncio
import contextlib
import json

import clients
from cluster import PATIENCE
from gateway import ASYNC, ERAS, FINAL, SYNC
from harness import case, same

TOOLS = [
    "run", "get_run", "list_runs", "get_run_output", "cancel_run", "list_projects", "get_run_log",
    "sweep", "get_sweep", "list_sweeps", "cancel_sweep", "compare_runs", "compare_branches", "explain_runs",
]  # fmt: skip
SLOW = {**ASYNC, "scope": "model", "model_name": "slow"}
FAILS = {**SYNC, "scope": "model", "model_name": "fails"}


async def status_of(client, run_id, wanted):
    """get_run's fields once the status is one of `wanted`."""
    async with asyncio.timeout(60 * PATIENCE):
        while True:
            got = await client.call("get_run", {"run_id": run_id})
            same(got.is_error, False)
            if got.fields["status"] in wanted:
                return got.fields
            # The tool has no way to wait; a client polls.
            await asyncio.sleep(0.5)


async def runs_in_sync(client, tells_progress):
    heard = []
    parameters = {"discount_rate": 0.08}
    hear = lambda *step: heard.append(step)  # noqa: E731
    done = await client.call("run", {**SYNC, "parameters": parameters}, hear if tells_progress else None)
    same(done.is_error, False)
    same(json.loads(done.text), done.fields)
    same((done.fields["status"], done.fields["exit_code"], done.fields["error"]), ("success", 0, None))
    same(done.fields["stdout"], "hello from the model\n")
    same(done.fields["outputs"], {"revenue": [100, 110, 121], "parameters": parameters})
    same(done.fields["branch"], None)
    assert len(done.fields["commit_sha"]) == 40, done
    if tells_progress:
        assert heard and done.fields["run_id"] in heard[0][1], heard
        same([step for step, _ in heard], sorted({step for step, _ in heard}))
    return done.fields["run_id"]


async def runs_and_polls(client):
    begun = await client.call("run", ASYNC)
    same(begun.is_error, False)
    assert begun.fields["status"] in ("pending", "running") and len(begun.fields["commit_sha"]) == 40, begun
    ended = await status_of(client, begun.fields["run_id"], FINAL)
    same((ended["status"], ended["output"]["outputs"]["revenue"]), ("success", [100, 110, 121]))
    return begun.fields["run_id"]


async def cancels(client):
    begun = await client.call("run", SLOW)
    run_id = begun.fields["run_id"]
    await status_of(client, run_id, ("running",))
    cancelled = await client.call("cancel_run", {"project_name": "forecasts", "run_id": run_id})
    same((cancelled.is_error, cancelled.fields["run_id"]), (False, run_id))
    same((await status_of(client, run_id, FINAL))["status"], "cancelled")


async def is_told_what_failed(client):
    failed = await client.call("run", FAILS)
    same(failed.is_error, False)
    same(json.loads(failed.text), failed.fields)
    same((failed.fields["status"], failed.fields["exit_code"], failed.fields["stderr"]), ("failed", 3, "no data\n"))
    assert "NonZeroExit" in failed.fields["error"], failed
    looked_up = await client.call("get_run", {"run_id": failed.fields["run_id"]})
    same((looked_up.is_error, looked_up.fields["status"]), (False, "failed"))
    unknown = await client.call("get_run", {"run_id": "00000000"})
    same((unknown.is_error, unknown.fields), (True, None))
    assert "no run" in unknown.text, unknown


async def is_told_that_there_is_no_such_tool(client):
    try:
        answer = await client.call("no_such_tool", {})
    except Exception as error:  # pylint: disable=broad-except  # each client has its own
        assert "no_such_tool" in str(error), error
    else:
        raise AssertionError(f"an answer came: {answer}")


async def tour(client, tells_progress=True):
    same(await client.list_tools(), TOOLS)
    runs = {await runs_in_sync(client, tells_progress), await runs_and_polls(client)}
    listed = await client.call("list_runs", {"project_name": "forecasts", "limit": 50})
    same(runs - {each["run_id"] for each in listed.fields["runs"]}, set())
    note = await client.call("get_run_output", {"run_id": runs.pop(), "output_name": "note.txt"})
    same((note.fields["content"], note.fields["size_bytes"]), ("a note\n", 7))
    await is_told_what_failed(client)
    await is_told_that_there_is_no_such_tool(client)
    await cancels(client)


def take(open_client, space, gateway, *more, modes, tells_progress=True):
    """One tour a mode, all at once: clients do not share anything."""
    token = space.token("editor")

    async def one(mode):
        async with open_client(*more, gateway.url + "/mcp", token, mode) as client:
            await tour(client, tells_progress)

    async def every():
        async with asyncio.TaskGroup() as group:
            for mode in modes:
                group.create_task(one(mode))

    with first_failure():
        asyncio.run(every())


@contextlib.contextmanager
def first_failure():
    """Out of a task group: the group's own text does not say what failed."""
    try:
        yield
    except BaseExceptionGroup as group:
        first = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None


@case
def python_client_takes_the_tour(space, gateway):
    take(clients.python, space, gateway, modes=ERAS)


@case
def fastmcp_takes_the_tour(space, gateway):
    take(clients.fast_mcp, space, gateway, modes=ERAS)


@case
def typescript_client_takes_the_tour(space, gateway):
    take(clients.typescript, space, gateway, "client", modes=ERAS)


@case
def typescript_sdk_takes_the_tour(space, gateway):
    take(clients.typescript, space, gateway, "sdk", modes=("legacy",))


@case
def inspector_takes_the_tour(space, gateway):
    take(clients.inspector, space, gateway, modes=("legacy", "modern"), tells_progress=False)


@case
def mcp_remote_takes_the_tour(space, gateway):
    take(clients.mcp_remote, space, gateway, modes=("legacy", "auto"))


@case(beside=True)
def typescript_clients_wait_for_more_than_a_minute(space, gateway):
    """They give up after 60 s in which they hear nothing; here a run is silent for 65."""
    token = space.token("editor")

    async def one(library, mode):
        heard = []
        async with clients.typescript(library, gateway.url + "/mcp", token, mode) as client:
            done = await client.call("run", {**SYNC, "scope": "model", "model_name": "minute"}, lambda *step: heard.append(step))
        same((done.is_error, done.fields["stdout"]), (False, "a minute later\n"))
        assert done.fields["duration_seconds"] > 60 and len(heard) > 5, (done, heard)

    async def every():
        async with asyncio.TaskGroup() as group:
            for which in (("sdk", "legacy"), ("client", "legacy"), ("client", "2026-07-28")):
                group.create_task(one(*which))

    with first_failure():
        asyncio.run(every())
