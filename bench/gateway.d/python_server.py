"""Serves the tool get_run with the Python MCP SDK, in the way that the SDK's documentation describes: stateless, with
JSON answers, in one uvicorn process.

It answers from a dictionary and checks neither tokens nor rights. The benchmark thus compares the cost of the protocol,
and the comparison favours this server.

usage: python_server.py PORT FILE

FILE holds the answer as JSON.
"""

import json
import sys
from typing import Any

import uvicorn
from mcp.server import MCPServer
from pydantic import BaseModel


class Run(BaseModel):
    run_id: str
    run_number: int | None
    project_name: str
    status: str
    commit_sha: str | None
    started_at: str | None
    finished_at: str | None
    error_message: str | None
    output: Any
    truncated: bool


server = MCPServer("runs", log_level="WARNING")
with open(sys.argv[2], encoding="utf-8") as file:
    RUNS = {run["run_id"]: Run(**run) for run in [json.load(file)]}


@server.tool()
def get_run(run_id: str) -> Run:
    """Status and result of a run."""
    return RUNS[run_id]


app = server.streamable_http_app(json_response=True, stateless_http=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
