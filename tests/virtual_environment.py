"""Virtual environments with the Python packages of others that tests and benches need, each made once in the cache."""

import hashlib
import os
import subprocess
import sys

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "modelrun")


def folder_of(name, packages):
    """Where the environment `name` with these packages is, made or not."""
    return os.path.join(CACHE, f"{name}-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:16]}")


def python_with(name, packages, python=sys.executable):
    """The Python of that environment, which is made by `python` where it is not there; None when it cannot be made."""
    folder = folder_of(name, packages)
    inside, complete = os.path.join(folder, "bin", "python"), os.path.join(folder, "complete")
    if os.path.exists(complete) and os.path.exists(inside):  # a link to an interpreter that is gone does not exist
        return inside
    for command in ([python, "-m", "venv", "--clear", folder], [inside, "-m", "pip", "install", "--quiet", *packages]):
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
            return None
    with open(complete, "w", encoding="utf-8"):
        pass
    return inside


def enter(name, packages):
    """Goes on with this script in that environment. Returns True where it is in it already, and False if it cannot be made."""
    if sys.prefix == folder_of(name, packages):
        return True
    python = python_with(name, packages)
    if python is None:
        return False
    sys.stdout.flush()
    os.execv(python, [python, *sys.argv])
