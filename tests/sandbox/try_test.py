"""`kubectl modelrun try` as an ordinary user: a container on this machine, without a cluster."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import textwrap
import unittest

from virtual_environment import python_with

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "build/release/bin/kubectl-modelrun")
USER = 33333
AS_USER = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "--inh-caps=-all"]

WHAT_IT_SEES = """
    import os, socket

    def answer(question):
        try:
            return str(question())
        except BaseException as error:
            return type(error).__name__

    result = {
        "user": os.getuid(),
        "first process": open("/proc/1/comm").read().strip(),
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
        "network": answer(lambda: socket.socket(socket.AF_INET)),
        "write /repo": answer(lambda: open("/repo/new", "w")),
        "write /usr": answer(lambda: open("/usr/new", "w")),
        "write /tmp": answer(lambda: open("/tmp/new", "w").write("1")),
        "git": answer(lambda: os.listdir("/repo/.git")),
        "home": [answer(lambda: os.listdir(path)) for path in ("/home", "/root", "@")],
        "parameters": open("/inputs/parameters.json").read(),
        "data": answer(lambda: open("/data/prices.csv").read()),
        "variable": os.environ.get("REGION"),
        "of the user's own": os.environ.get("OF_THE_USER"),
        "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm"))],
    }
"""


class TryTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="modelrun-tried-")
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("bin", "repo/model", "repo/.git", "data", "tmp"):
            os.makedirs(os.path.join(self.folder, name))
        shutil.copy(PROGRAM, self.path("bin"))
        self.write("repo/.git/config", "[core]")
        subprocess.run(["chown", "-R", str(USER), self.folder], check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(textwrap.dedent(text).replace("@", self.folder))

    def command(self, *arguments, prefix=()):
        return [*AS_USER, *prefix, self.path("bin/kubectl-modelrun"), "try", *arguments]

    def start(self, *arguments, prefix=()):
        env = {"PATH": "/usr/bin:/bin", "TMPDIR": self.path("tmp"), "OF_THE_USER": "1"}
        return subprocess.Popen(self.command(*arguments, prefix=prefix), env=env, cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def attempt(self, *arguments, prefix=(), code=0):
        process = self.start(*arguments, prefix=prefix)
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, code, out + err)
        self.assertEqual(os.listdir(self.path("tmp")), [], "something is left")
        return out, err

    def result(self, text, *arguments):
        self.write("repo/run.py", text)
        out, _ = self.attempt(self.path("repo"), "-o", "outputs", *arguments)
        return json.loads(out)

    def test_a_tried_model_sees_what_it_would_see_in_a_pod(self):
        self.write("data/prices.csv", "1,2")
        # The names of the machine's other processes are hidden where this kernel lets users mount /proc.
        seen = self.result(WHAT_IT_SEES, "--param", "growth=0.08", "--data", self.path("data"), "--env", "REGION=eu")
        self.assertEqual(seen.pop("first process"), "modelrun-sandbo")
        processes = seen.pop("processes")
        self.assertTrue(processes <= 3 or not can_mount_proc(), processes)
        self.assertEqual(seen, {
            "user": USER, "network": "PermissionError", "write /repo": "OSError", "write /usr": "OSError", "write /tmp": "1",
            "git": "[]", "home": ["FileNotFoundError"] * 3, "parameters": '{"growth":0.08}', "data": "1,2",
            "variable": "eu", "of the user's own": None, "capabilities": ["0" * 16] * 2,
        })

    def test_a_tried_pipeline_leaves_outputs_and_files(self):
        self.write("repo/run.py", "PIPELINE = ['a', 'b']\nresult = {'name': 'all'}\n")
        self.write("repo/model/a.py", "result = {'n': 1}\nopen('/outputs/table.csv', 'w').write('x')\n")
        self.write("repo/model/b.py", "import json\nresult = {'n': json.load(open('/upstream/a/outputs.json'))['n'] + 1}\n")
        out, err = self.attempt(self.path("repo"), "--all", self.path("kept"))
        with open(self.path("kept/outputs.json")) as file:
            self.assertEqual(json.load(file), {"name": "all", "a": {"n": 1}, "b": {"n": 2}})
        with open(self.path("kept/table.csv")) as file:
            self.assertEqual(file.read(), "x")
        self.assertIn("Phase:     Succeeded", out)
        self.assertIn("Rings:     process,seccomp", out)
        self.assertIn("table.csv", err)

    def test_a_tried_model_that_fails_passes_its_code_on(self):
        self.write("repo/run.py", "print('before')\nraise SystemExit(7)\n")
        out, _ = self.attempt(self.path("repo"), code=7)
        self.assertTrue(out.startswith("before\n"), out)
        self.write("repo/run.py", "raise KeyError('missing')\n")
        out, err = self.attempt(self.path("repo"), code=1)
        self.assertIn("NonZeroExit: the model exited with code 1: KeyError: 'missing'", out)
        self.assertIn("Traceback", err)
        self.write("repo/run.py", "result = {'x': float('nan')}\n")
        self.assertIn("OutputsInvalid", self.attempt(self.path("repo"), code=1)[0])

    def test_a_tried_model_ends_at_its_time_out_and_at_ctrl_c(self):
        self.write("repo/run.py", "import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
        self.assertIn("TimedOut", self.attempt(self.path("repo"), "--timeout", "1", code=124)[0])
        process = self.start(self.path("repo"))
        self.assertEqual(process.stdout.readline(), "begun\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("Cancelled", out)

    def test_a_try_that_is_killed_leaves_no_process(self):
        self.write("repo/run.py", "import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
        process = self.start(self.path("repo"))
        self.assertEqual(process.stdout.readline(), "begun\n")
        process.kill()
        # The pipe is at its end when nobody has its other end any more.
        process.communicate(timeout=60)

    def test_a_try_with_the_packages_of_an_environment(self):
        python = self.environment()
        seen = self.result("import numpy\nresult = {'mean': numpy.array([1.0, 2.0]).mean()}\n", "--python", python)
        self.assertEqual(seen, {"mean": 1.5})

    def environment(self):
        """A virtual environment of this machine's Python, which every user can read."""
        python = python_with("try-venv", ["numpy==2.4.6"], "/usr/bin/python3")
        if python is None:
            self.skipTest("numpy cannot be installed here")
        shutil.copytree(os.path.dirname(os.path.dirname(python)), self.path("venv"), symlinks=True)
        return self.path("venv/bin/python")

    def test_a_try_says_what_is_missing(self):
        self.write("repo/run.py", "")
        repo = self.path("repo")
        self.assertIn("there is no directory /nowhere", self.attempt("/nowhere", code=1)[1])
        self.assertIn("name another one", self.attempt(repo, "--python", "no-such-python", code=1)[1])
        self.assertIn("EntryPointNotFound", self.attempt(repo, "--model", "none", code=1)[0])
        none = ["unshare", "--user", "--map-root-user", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"', "sh"]
        self.assertIn("user.max_user_namespaces", self.attempt(repo, prefix=none, code=1)[1])


def can_mount_proc():
    return subprocess.run([*AS_USER, "unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "mount", "-t", "proc", "none", "/proc"],
                          capture_output=True).returncode == 0
