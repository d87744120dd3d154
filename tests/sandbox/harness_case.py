"""What the tests of the harness share: it runs alone, below a temporary root, without the sandbox."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from virtual_environment import python_with

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/sandbox")
PACKAGES = ["numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1", "polars==2.1.0", "openpyxl==3.1.5"]
# Where the packages cannot be had, the tests of their values are skipped.
PYTHON = os.environ.get("MODELRUN_PYTHON") or python_with("models-venv", PACKAGES) or sys.executable


class HarnessCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="modelrun-harness-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        for name in ("modelrun", "repo/model", "outputs", "upstream"):
            os.makedirs(os.path.join(self.root, name))
        for name in ("harness.py", "harness_errors.py", "harness_files.py", "harness_points.py", "harness_standby.py", "harness_values.py"):
            shutil.copy(os.path.join(SOURCES, name), os.path.join(self.root, "modelrun"))

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w") as f:
            f.write(text)

    def message(self, name="error.json"):
        return (self.read(name) or {}).get("message")

    def outputs(self, name):
        with open(os.path.join(self.root, "outputs", name)) as f:
            return f.read()

    def read(self, name):
        path = os.path.join(self.root, "outputs/.modelrun", name)
        if not os.path.exists(path):
            return None
        with open(path) as f:
            return json.load(f)

    def run_entry(self, text, entry="run.py", scope="project", files=None):
        if text is not None:
            self.write("repo/" + entry, text.replace("@", self.root))
        for name, content in (files or {}).items():
            self.write("repo/" + name, content.replace("@", self.root))
        return self.start([os.path.join(self.root, "modelrun/harness.py")],
                          {"MODELRUN_SCOPE": scope, "MODELRUN_ENTRYPOINT": entry})

    def start(self, program, env):
        return subprocess.run([PYTHON, "-I", "-B", "-u", *program], env={"PATH": os.environ["PATH"], **env},
                              cwd=os.path.join(self.root, "repo"), capture_output=True, text=True, timeout=60)

    def result_of(self, text):
        done = self.run_entry(text)
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.read("result.json") or {}).get("result"), (self.read("error.json") or {}).get("message")
