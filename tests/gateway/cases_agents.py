"""What an agent of each framework is told by the gateway's tools. The agents are real, their models do as the test says."""

import asyncio
import json

import agents
from cases_clients import FAILS, SLOW, TOOLS
from cluster import PATIENCE
from gateway import SYNC
from harness import case, same


async def fields(agent, name, arguments):
    """Of a result that is none of failure; the agent is told them as JSON."""
    text, failed = await agent.call(name, arguments)
    same((name, failed), (name, False))
    return json.loads(text)


async def status_of(agent, run_id, wanted):
    async with asyncio.timeout(60 * PATIENCE):
        while (told := await fields(agent, "get_run", {"run_id": run_id}))["status"] != wanted:
            # The tool has no way to wait; an agent polls.
            await asyncio.sleep(0.5)
    return told


async def is_told_of_its_mistake(agent, name, arguments, *words):
    """In words that name the argument, whoever of the two, framework or gateway, notices first; and the agent goes on."""
    text, _ = await agent.call(name, arguments)
    for word in words:
        assert word in text, (name, arguments, text)


async def tour(agent):
    same(sorted(await agent.tools()), sorted(TOOLS))
    parameters = {"discount_rate": 0.08}
    done = await fields(agent, "run", {**SYNC, "parameters": parameters})
    same((done["status"], done["outputs"]["parameters"]), ("success", parameters))
    # A model that fails is no failure of the tool: some frameworks end the agent's work at one.
    failed = await fields(agent, "run", FAILS)
    same((failed["status"], failed["exit_code"], failed["stderr"]), ("failed", 3, "no data\n"))
    same((await fields(agent, "get_run", {"run_id": failed["run_id"]}))["status"], "failed")
    listed = await fields(agent, "list_runs", {"project_name": "forecasts", "limit": 50})
    same({done["run_id"], failed["run_id"]} - {run["run_id"] for run in listed["runs"]}, set())
    note = await fields(agent, "get_run_output", {"run_id": done["run_id"], "output_name": "note.txt"})
    same(note["content"], "a note\n")
    begun = await fields(agent, "run", SLOW)
    await status_of(agent, begun["run_id"], "running")
    cancelled = await fields(agent, "cancel_run", {"project_name": "forecasts", "run_id": begun["run_id"]})
    same(cancelled["run_id"], begun["run_id"])
    await status_of(agent, begun["run_id"], "cancelled")
    await is_told_of_its_mistake(agent, "run", {**SYNC, "scope": "everything"}, "scope")
    await is_told_of_its_mistake(agent, "run", {**SYNC, "project_name": "nothing"}, "nothing")
    await is_told_of_its_mistake(agent, "get_run", {"run_id": "00000000"}, "no run")


def take(framework):
    def takes_the_tour(space, gateway):
        async def go():
            async with agents.agent(framework, gateway.url + "/mcp", space.token("editor")) as agent:
                await tour(agent)

        asyncio.run(go())

    takes_the_tour.__name__ = f"agent_of_{framework}_takes_the_tour"
    case(takes_the_tour)


for each in (*agents.PACKAGES, "langchain_js", "ai"):
    take(each)
