"""A Python with the packages whose values the harness converts, made once in the cache."""
import hashlib
import os
import subprocess
import sys

PACKAGES = ["numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1", "polars==2.1.0", "openpyxl==3.1.5"]


def python():
    """The path of the Python: that of MODELRUN_PYTHON, else of the environment; where that cannot be made this one, in which tests are skipped."""
    if os.environ.get("MODELRUN_PYTHON"):
        return os.environ["MODELRUN_PYTHON"]
    key = hashlib.sha256((" ".join(PACKAGES) + sys.version).encode()).hexdigest()[:16]
    folder = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "modelrun", "models-venv-" + key)
    inside, complete = os.path.join(folder, "bin", "python"), os.path.join(folder, "complete")
    if not os.path.exists(complete):
        done = subprocess.run([sys.executable, "-m", "venv", folder], check=False, stdout=sys.stderr)
        if done.returncode or subprocess.run([inside, "-m", "pip", "install", "--quiet", *PACKAGES], check=False, stdout=sys.stderr).returncode:
            return sys.executable
        with open(complete, "w"):
            pass
    return inside
