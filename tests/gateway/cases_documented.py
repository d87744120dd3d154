"""The snippets of docs/gateway.md, as they stand there but for the URL and the token."""

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

from clients import Python
from documented import blocks, text_of
from harness import case, same
from mcp import Client, StdioServerParameters
from packages import node, node_package

URL = "https://models.example.com/mcp"


def snippets(kind):
    [section] = re.findall(r"^## Connect a client\n(.*?)^## ", text_of("gateway.md"), re.MULTILINE | re.DOTALL)
    return blocks(section, kind)


def run(space, command):
    environment = {**os.environ, "MODELRUN_TOKEN": space.token("editor")}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.strip()


@case
def documented_python_snippet_runs(space, gateway):
    [text] = snippets("python")
    same(run(space, [sys.executable, "-c", text.replace(URL, gateway.url + "/mcp")]), "False success")


@case
def documented_typescript_snippet_runs(space, gateway):
    [text] = snippets("js")
    with tempfile.TemporaryDirectory() as place:
        # Modules are looked for beside the script that imports them.
        os.symlink(node_package(""), os.path.join(place, "node_modules"))
        script = os.path.join(place, "snippet.mjs")
        with open(script, "w", encoding="utf-8") as file:
            file.write(text.replace(URL, gateway.url + "/mcp"))
        same(run(space, [node(), script]), "false success")


@case
def documented_inspector_snippet_runs(space, gateway):
    [text] = [each for each in snippets("sh") if "inspector" in each]
    program = shlex.join([node(), node_package("@modelcontextprotocol/inspector", "mcp-inspector")])
    text = text.replace("npx @modelcontextprotocol/inspector", program).replace(URL, gateway.url + "/mcp")
    answer = json.loads(run(space, ["bash", "-c", text]))
    same(answer["structuredContent"]["project_name"], "forecasts")


@case
def documented_desktop_configuration_works(space, gateway):
    """What Claude Desktop would start is started, with the same arguments and environment."""
    [server] = [each for each in servers() if "command" in each]
    same(server["args"][:2], ["-y", "mcp-remote@0.15.1"])
    same(json.load(open(os.path.join(node_package("mcp-remote"), "package.json"), encoding="utf-8"))["version"], "0.15.1")
    words = [word.replace(URL, gateway.url + "/mcp") for word in server["args"][2:]]
    environment = {name: value.replace("mrt_...", space.token("editor")) for name, value in server["env"].items()}
    program = node_package("mcp-remote", "mcp-remote")

    async def listed():
        started = StdioServerParameters(command=node(), args=[program, *words, "--silent"], env=environment)
        async with Client(started, mode="legacy") as client:
            return await Python(client).list_tools()

    same(len(asyncio.run(listed())), 14)


@case
def documented_configurations_name_the_gateway(space, gateway):
    with_url = [each for each in servers() if "url" in each]
    same([each["url"] for each in with_url], [URL] * 2)
    assert all(each["headers"]["Authorization"].startswith("Bearer ${") for each in with_url), with_url


def servers():
    found = [json.loads(text) for text in snippets("json")]
    return [server for each in found for server in (each.get("mcpServers") or each["servers"]).values()]
