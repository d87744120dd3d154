"""The virtual environment of the Python packages that the tests and benches of the gateway use, made once in the cache."""

import hashlib
import os
import subprocess
import sys

PACKAGES = ["mcp==2.3.0", "fastmcp==4.1.2", "playwright==1.65.2", "axe-playwright-python==0.1.8", "openapi-spec-validator==0.9.0"]
KEY = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:16]
FOLDER = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "modelrun", f"mcp-venv-{KEY}")


def enter():
    """Goes on with this script in the environment. Returns when it is there already, or False when it cannot be made."""
    if sys.prefix == FOLDER:
        return True
    python, complete = os.path.join(FOLDER, "bin", "python"), os.path.join(FOLDER, "complete")
    if not os.path.exists(complete):
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        if subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=False).returncode:
            return False
        with open(complete, "w", encoding="utf-8"):
            pass
    sys.stdout.flush()
    os.execv(python, [python, *sys.argv])
