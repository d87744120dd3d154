"""An agent of one of the Python frameworks with the gateway's tools, and a model in place of a language model: what it is told to
call it calls, and it notes what it is told of the result. For a test in another process: a JSON request a line on stdin, JSON answers on stdout.

usage: python agent.py FRAMEWORK URL TOKEN
in:  {"tools": true} | {"name": TOOL, "arguments": {...}}
out: {"tools": [NAMES]} | {"text": TEXT, "failed": whether the framework calls it an error} | {"aborted": TEXT}
"""

import asyncio
import json
import os
import sys


class Script:
    """What the model does: in its first turn it calls, in its second it reads the answer."""

    def __init__(self):
        self.name, self.arguments, self.told, self.offered = None, None, None, []

    def tell(self, text, failed=False):
        self.told = {"text": text if isinstance(text, str) else json.dumps(text), "failed": failed}


def text_of(content):
    """Of content that is text or a list of blocks."""
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


async def pydantic_ai(url, headers, script):
    from pydantic_ai import Agent
    from pydantic_ai.mcp import MCPToolset
    from pydantic_ai.messages import ModelResponse, RetryPromptPart, TextPart, ToolCallPart, ToolReturnPart
    from pydantic_ai.models.function import FunctionModel

    def model(messages, info):
        script.offered = [tool.name for tool in info.function_tools]
        for part in messages[-1].parts:
            if isinstance(part, RetryPromptPart):
                script.tell(part.model_response(), True)
                return ModelResponse(parts=[TextPart("done")])
            if isinstance(part, ToolReturnPart):
                script.tell(part.model_response_str())
                return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(parts=[ToolCallPart(script.name, script.arguments)] if script.name else [TextPart("done")])

    agent = Agent(FunctionModel(model), toolsets=[MCPToolset(url, headers=headers)])
    return lambda: agent.run("go")


def langchain_model(script):
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, ToolMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    class Model(BaseChatModel):
        @property
        def _llm_type(self):
            return "scripted"

        def bind_tools(self, tools, **_):
            script.offered = [tool.name for tool in tools]
            return self

        def _generate(self, messages, stop=None, run_manager=None, **_):
            message = AIMessage("done")
            if isinstance(messages[-1], ToolMessage):
                script.tell(text_of(messages[-1].content), messages[-1].status == "error")
            elif script.name:
                message = AIMessage("", tool_calls=[{"name": script.name, "args": script.arguments, "id": "1"}])
            return ChatResult(generations=[ChatGeneration(message=message)])

    return Model()


async def langchain(url, headers, script):
    from langchain.agents import create_agent
    from langchain_mcp_adapters.client import MultiServerMCPClient

    client = MultiServerMCPClient({"modelrun": {"transport": "streamable_http", "url": url, "headers": headers}})
    agent = create_agent(langchain_model(script), await client.get_tools())
    return lambda: agent.ainvoke({"messages": [{"role": "user", "content": "go"}]})


async def mcp_use(url, headers, script):
    from mcp_use import MCPAgent, MCPClient

    client = MCPClient(config={"mcpServers": {"modelrun": {"url": url, "headers": headers}}})
    agent = MCPAgent(llm=langchain_model(script), client=client, max_steps=5)
    return lambda: agent.run("go")


async def openai_agents(url, headers, script):
    from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage
    from agents.mcp import MCPServerStreamableHttp
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    class Scripted(Model):
        async def get_response(self, system_instructions, input, model_settings, tools, *_, **__):  # noqa: A002
            script.offered = [tool.name for tool in tools]
            if not isinstance(input, str) and input[-1].get("type") == "function_call_output":
                output = input[-1]["output"]
                script.tell(text_of(output))
            elif script.name:
                call = ResponseFunctionToolCall(
                    arguments=json.dumps(script.arguments), call_id="1", name=script.name, type="function_call"
                )
                return ModelResponse(output=[call], usage=Usage(), response_id=None)
            text = ResponseOutputText(text="done", type="output_text", annotations=[])
            done = ResponseOutputMessage(id="1", content=[text], role="assistant", status="completed", type="message")
            return ModelResponse(output=[done], usage=Usage(), response_id=None)

        def stream_response(self, *_, **__):
            raise NotImplementedError

    server = MCPServerStreamableHttp({"url": url, "headers": headers, "timeout": 60}, client_session_timeout_seconds=60)
    await server.connect()
    agent = Agent("tester", model=Scripted(), mcp_servers=[server])
    return lambda: Runner.run(agent, "go", run_config=RunConfig(tracing_disabled=True))


async def llama_index(url, headers, script):
    from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

    tools = await McpToolSpec(client=BasicMCPClient(url, headers=headers, timeout=60)).to_tool_list_async()
    script.offered = [tool.metadata.name for tool in tools]

    async def call():
        if script.name:
            tool = next(tool for tool in tools if tool.metadata.name == script.name)
            output = await tool.acall(**script.arguments)
            # The agent is shown the whole result as Python prints it, with the text in it.
            blocks = getattr(output.raw_output, "content", None)
            failed = output.is_error or bool(getattr(output.raw_output, "is_error", False))
            script.tell("".join(block.text for block in blocks) if blocks else output.content, failed)

    return call


async def main(framework, url, token):
    # What a framework prints is no answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    script = Script()
    go = await globals()[framework](url, {"Authorization": f"Bearer {token}"}, script)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        script.name, script.arguments, script.told = request.get("name"), request.get("arguments"), None
        try:
            await go()
            answer = script.told or {"tools": script.offered}
        except Exception as error:  # pylint: disable=broad-except  # each framework has its own
            answer = {"aborted": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


asyncio.run(main(*sys.argv[1:]))
