"""Agents of several frameworks, each a process of clients/agent.py or clients/agent.mjs with a model that does as it is told."""

import asyncio
import contextlib
import json
import os
import subprocess

import virtual_environment
from harness import Skip
from packages import node, node_package

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
# By the name in agent.py; each in an environment of its own, as they want different versions of MCP's client.
PACKAGES = {
    "pydantic_ai": ["pydantic-ai-slim[mcp]==2.68.0"],
    "openai_agents": ["openai-agents==0.24.0"],
    "langchain": ["langchain==1.5.0", "langchain-mcp-adapters==0.3.2"],
    "mcp_use": ["mcp-use==1.7.1"],
    "llama_index": ["llama-index-core==0.14.25", "llama-index-tools-mcp==0.6.0"],
}


class Agent:
    def __init__(self, process):
        self.process = process

    async def _ask(self, **request):
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        await self.process.stdin.drain()
        line = await asyncio.wait_for(self.process.stdout.readline(), 120)
        if not line:
            raise AssertionError(f"the agent ended: {(await self.process.stderr.read()).decode()[-1500:]}")
        answer = json.loads(line)
        assert "aborted" not in answer, answer
        return answer

    async def tools(self):
        return (await self._ask(tools=True))["tools"]

    async def call(self, name, arguments):
        """(what the model is told of the call, whether the framework says that it is an error)"""
        answer = await self._ask(name=name, arguments=arguments)
        return answer["text"], answer["failed"]


def command_of(framework, url, token):
    if framework in PACKAGES:
        packages = PACKAGES[framework]
        python = virtual_environment.python_with(f"agent-{framework}", packages)
        if python is None:
            raise Skip(f"the Python packages {packages} cannot be installed here")
        return [python, os.path.join(CLIENTS, "agent.py"), framework, url, token]
    return [node(), os.path.join(CLIENTS, "agent.mjs"), node_package(""), framework.removesuffix("_js"), url, token]


@contextlib.asynccontextmanager
async def agent(framework, url, token):
    command = command_of(framework, url, token)
    # No framework is to tell its makers of a test.
    quiet = {"ANONYMIZED_TELEMETRY": "false", "MCP_USE_ANONYMIZED_TELEMETRY": "false", "LANGSMITH_TRACING": "false"}
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    process = await asyncio.create_subprocess_exec(*command, limit=4 << 20, env={**os.environ, **quiet}, **pipes)
    try:
        yield Agent(process)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()
