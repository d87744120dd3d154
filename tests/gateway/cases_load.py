"""Many callers, slow ones, those that vanish, and a gateway that is killed: nothing lost, nothing doubled, memory bounded."""

import asyncio
import signal

from cluster import RUNS
from gateway import SYNC, Gateway, wait_for
from harness import case, same
from load import UNLIMITED, Call, send_all

CALLERS = 1000
MIB = 1 << 20


def threads(gateway):
    with open(f"/proc/{gateway.process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Threads:"))


def runs_of(space, project):
    return [run for run in space.items(RUNS) if run["spec"]["project"] == project]


def suspended_project(space, name):
    """Its runs wait, without a pod, until it is let go."""
    return space.project(name, files={"run.py": "result = {'answer': 42}\n"}, suspend=True, limits={"maxConcurrentRuns": 4})


def cancel_all(space, project):
    for run in runs_of(space, project):
        space.patch_run(run["metadata"]["name"], cancel=True)


# Each has a run of its own. What is counted is what a waiting call costs the gateway, not how fast the node is.
@case
def a_thousand_calls_wait_at_once(space, _):
    suspended_project(space, "many")
    token = space.token("editor")
    with Gateway(space, *UNLIMITED) as gateway:
        before = gateway.memory()

        async def go():
            calls = [Call(gateway, token, {**SYNC, "project_name": "many"}) for _ in range(CALLERS)]
            await send_all(calls)
            # A call counts from its first moment on, so the last ones may not have made their runs yet.
            gateway.metrics_until("modelrun_gateway_waiting", CALLERS)
            await asyncio.to_thread(wait_for, lambda: len(runs_of(space, "many")) >= CALLERS, 60, "a run for each call")
            cost = gateway.memory() - before
            assert threads(gateway) < 64, threads(gateway)
            assert cost < 128 * MIB, f"{cost / CALLERS / 1024:.0f} KiB a call that waits"
            # Short calls are answered beside them.
            same((await asyncio.to_thread(gateway.ask, "GET", "/v1/runs?project_name=many", token))[0], 200)
            same(len(runs_of(space, "many")), CALLERS)
            await asyncio.to_thread(cancel_all, space, "many")
            return await asyncio.wait_for(asyncio.gather(*(call.answer() for call in calls)), 120)

        answers = asyncio.run(go())
        same({status for status, _ in answers}, {200})
        same({fields["status"] for _, fields in answers}, {"cancelled"})
        same(len({fields["run_id"] for _, fields in answers}), CALLERS)
        print(f"  {CALLERS} calls that wait: {(gateway.memory() - before) / MIB:.0f} MiB more at their end")


@case
def each_of_many_waiting_calls_gets_its_own_run(space, gateway_of_all):
    del gateway_of_all
    space.project("each", files={"run.py": "result = {'answer': 42}\n"}, limits={"maxConcurrentRuns": 10})
    token = space.token("editor")
    with Gateway(space, *UNLIMITED) as gateway:

        async def go():
            calls = [Call(gateway, token, {**SYNC, "project_name": "each"}) for _ in range(40)]
            await send_all(calls)
            return await asyncio.wait_for(asyncio.gather(*(call.answer() for call in calls)), 540)

        answers = asyncio.run(go())
    same({(status, fields["status"]) for status, fields in answers}, {(200, "success")})
    same({fields["outputs"]["answer"] for _, fields in answers}, {42})
    same(len({fields["run_id"] for _, fields in answers}), 40)
    same(len(runs_of(space, "each")), 40)


@case
def killed_gateway_loses_no_run_and_doubles_none(space, _):
    suspended_project(space, "killed")
    token = space.token("editor")
    keys = [f"key-{i}" for i in range(40)]

    def calls_to(gateway):
        return [Call(gateway, token, {**SYNC, "project_name": "killed"}, Idempotency_Key=key) for key in keys]

    # Killed while the calls come in: some have made their run, some are about to, some are not read yet.
    with Gateway(space, *UNLIMITED) as first:

        async def go():
            calls = calls_to(first)
            sending = asyncio.ensure_future(asyncio.gather(*(call.send() for call in calls), return_exceptions=True))
            await asyncio.to_thread(wait_for, lambda: len(runs_of(space, "killed")) >= 5, 60, "some runs are there")
            first.process.send_signal(signal.SIGKILL)
            await sending
            return [await call.answer() for call in calls if call.reader]

        same({status for status, _ in asyncio.run(go())}, {0})
        first.process.wait(30)
    assert runs_of(space, "killed")
    # Another replica takes the same calls: each finds its run, or makes it.
    with Gateway(space, *UNLIMITED) as second:

        async def again():
            calls = calls_to(second)
            await send_all(calls)
            await asyncio.to_thread(wait_for, lambda: len(runs_of(space, "killed")) == len(keys), 60, "a run for each key")
            await asyncio.to_thread(cancel_all, space, "killed")
            return await asyncio.wait_for(asyncio.gather(*(call.answer() for call in calls)), 120)

        answers = asyncio.run(again())
    same({(status, fields["status"]) for status, fields in answers}, {(200, "cancelled")})
    same(len({fields["run_id"] for _, fields in answers}), len(keys))
    same(len(runs_of(space, "killed")), len(keys))


@case
def vanishing_and_deaf_clients_leave_nothing_behind(space, _):
    suspended_project(space, "gone")
    token = space.token("editor")
    body = {**SYNC, "project_name": "gone"}
    with Gateway(space, *UNLIMITED) as gateway:

        async def round_of(count):
            calls = [Call(gateway, token, body, Idempotency_Key="one", Accept="text/event-stream") for _ in range(count)]
            await send_all(calls)
            for call in calls:
                assert "run_id" in await call.first_event()
            # From here on nobody reads; then all are gone without a word.
            await asyncio.to_thread(gateway.metrics_until, "modelrun_gateway_waiting", count)
            for call in calls:
                call.leave()
            await asyncio.to_thread(gateway.metrics_until, "modelrun_gateway_waiting", 0)

        asyncio.run(round_of(200))
        after_one = gateway.memory()
        for _ in range(4):
            asyncio.run(round_of(200))
        grown = gateway.memory() - after_one
        assert grown < 16 * MIB, f"{grown / MIB:.1f} MiB more after 800 calls that vanished"
        run = runs_of(space, "gone")
        same(len(run), 1)
        assert not run[0]["spec"].get("cancel"), "over plain HTTP leaving cancels nothing"
    cancel_all(space, "gone")
