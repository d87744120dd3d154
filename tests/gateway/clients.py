"""MCP clients of several makers behind one interface. Each is an async context manager; within it

list_tools()                          the names of the tools
call(name, arguments, on_progress)    an Answer; on_progress(step, message) hears of progress, where it can
"""

import asyncio
import contextlib
import json
import os
import tempfile
from dataclasses import dataclass

import fastmcp
import httpx2
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from packages import node, node_package

BRIDGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients", "bridge.mjs")


@dataclass
class Answer:
    is_error: bool
    fields: dict | None
    text: str

    @staticmethod
    def of(result):
        """From the members of a CallToolResult as they are on the wire."""
        return Answer(result.get("isError", False), result.get("structuredContent"), result["content"][0]["text"])


class PythonClient:
    """What the cases ask of a client, for those written in Python."""

    def __init__(self, client):
        self.client = client

    async def list_tools(self):
        listed = await self.client.list_tools()
        return [tool.name for tool in getattr(listed, "tools", listed)]

    async def call(self, name, arguments, on_progress=None):
        async def progress(step, total, message):
            on_progress(step, message)

        done = await self.send(name, arguments, progress if on_progress else None)
        return Answer(done.is_error, done.structured_content, done.content[0].text)


class Python(PythonClient):
    """The official Python client, over whatever it connects to."""

    async def send(self, name, arguments, progress):
        return await self.client.call_tool(name, arguments, progress_callback=progress)


@contextlib.asynccontextmanager
async def python(url, token, mode="auto"):
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=180) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            yield Python(client)


def with_python(gateway, token, work):
    """Gives work(client) with the official client as it is."""

    async def go():
        async with python(gateway.url + "/mcp", token) as connected:
            return await work(connected.client)

    return asyncio.run(go())


@contextlib.asynccontextmanager
async def mcp_remote(url, token, mode):
    """mcp-remote gives programs that start their servers themselves a way to a server that runs elsewhere."""
    command = [node_package("mcp-remote", "mcp-remote"), url, "--silent", "--transport", "http-only", "--header", "Authorization:${TOKEN}"]
    with tempfile.TemporaryDirectory(prefix="mcp-remote.") as home:
        environment = {"TOKEN": f"Bearer {token}", "MCP_REMOTE_CONFIG_DIR": home}
        server = StdioServerParameters(command=node(), args=command, env=environment)
        async with Client(server, mode=mode) as client:
            yield Python(client)


class FastMcp(PythonClient):
    """The client of the package fastmcp."""

    async def send(self, name, arguments, progress):
        return await self.client.call_tool_mcp(name, arguments, progress_handler=progress)


@contextlib.asynccontextmanager
async def fast_mcp(url, token, mode):
    async with fastmcp.Client(url, auth=token, mode=mode) as client:
        yield FastMcp(client)


class TypeScript:
    """A TypeScript client at the other end of clients/bridge.mjs."""

    def __init__(self, process):
        self.process = process
        self.id = 0

    async def ask(self, on_progress=None, **request):
        self.id += 1
        self.process.stdin.write(json.dumps({"id": self.id, **request}).encode() + b"\n")
        await self.process.stdin.drain()
        while line := await self.process.stdout.readline():
            answer = json.loads(line)
            assert answer["id"] == self.id, answer
            if "progress" in answer:
                on_progress(answer["progress"]["progress"], answer["progress"]["message"])
            elif "failure" in answer:
                raise AssertionError(answer["failure"])
            else:
                return answer["result"]
        raise AssertionError(f"the client ended: {(await self.process.stderr.read()).decode()}")

    async def list_tools(self):
        return [tool["name"] for tool in (await self.ask(list=True))["tools"]]

    async def call(self, name, arguments, on_progress=None):
        request = {"name": name, "arguments": arguments, "progress": on_progress is not None}
        return Answer.of(await self.ask(on_progress, **request))


@contextlib.asynccontextmanager
async def typescript(library, url, token, mode):
    command = [node(), BRIDGE, node_package(""), library, url, token, mode]
    pipes = {name: asyncio.subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    process = await asyncio.create_subprocess_exec(*command, limit=4 << 20, **pipes)
    try:
        yield TypeScript(process)
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)


class Inspector:
    """The inspector's command line: a process a request. It shows no progress."""

    def __init__(self, url, token, era):
        self.command = [node(), node_package("@modelcontextprotocol/inspector", "mcp-inspector"), "--cli", url]
        self.command += ["--transport", "http", "--header", f"Authorization: Bearer {token}", "--protocol-era", era]
        self.command += ["--stored-auth-only", "--format", "json", "--quiet"]

    async def ask(self, *words, expected=(0,)):
        process = await asyncio.create_subprocess_exec(
            *self.command, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:  # another mode's tour has failed
                process.kill()
                await process.wait()
        # A failed tool call has its result on stdout, a refused one nothing.
        assert process.returncode in expected and out, f"exit code {process.returncode}: {err.decode()} {out.decode()}"
        return json.loads(out)

    async def list_tools(self):
        # --strict refuses schemas that some client or model provider cannot take.
        return [tool["name"] for tool in (await self.ask("--method", "tools/list", "--strict"))["result"]["tools"]]

    async def call(self, name, arguments, on_progress=None):
        words = ["--method", "tools/call", "--tool-name", name, "--tool-args-json", json.dumps(arguments)]
        return Answer.of((await self.ask(*words, expected=(0, 5)))["result"])


@contextlib.asynccontextmanager
async def inspector(url, token, era):
    yield Inspector(url, token, era)
