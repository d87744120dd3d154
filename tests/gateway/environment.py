"""The virtual environment of the Python packages that the tests and benches of the gateway use."""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import virtual_environment  # noqa: E402

NAME = "mcp-venv"
PACKAGES = ["mcp==2.3.0", "fastmcp==4.1.2", "playwright==1.65.2", "axe-playwright-python==0.1.8", "openapi-spec-validator==0.9.0", "schemathesis==4.32.5"]


def enter():
    """virtual_environment.enter() for it."""
    return virtual_environment.enter(NAME, PACKAGES)
