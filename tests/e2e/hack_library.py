"""The functions of hack/lib.sh."""

import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def library(function):
    """What a function of hack/lib.sh prints, which may have to compile it first. Raises CalledProcessError when it fails."""
    command = ["bash", "-euo", "pipefail", "-c", f". hack/lib.sh; {function}"]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
