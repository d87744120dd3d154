"""A standby (src/api/standby.h): the pod that is ready before there is a run. Run by tests/sandbox/run, as root (see fixture.py)."""
import hashlib
import json
import os
import signal
import time
import unittest

import sandbox_test
from fixture import UUID, Pod, RunServer

STANDBY = "/v1/standbys/team/forecasts-standby-x/work"
# A module that says in which state of the sandbox it was imported.
PROBE = """
import os, socket
state = open('/proc/self/status').read()
def refused(family):
    try:
        socket.socket(family).close()
        return False
    except OSError:
        return True
inet = refused(socket.AF_INET)
filters = int(state.split('Seccomp:')[1].split()[0])
no_new_privs = int(state.split('NoNewPrivs:')[1].split()[0])
said = [print('from the preload'), os.write(2, b'noise of the preload\\n')]
"""


class WorkServer(RunServer):
    """Gives work when it is told to; until then the standby asks."""

    def __init__(self, files, work=None):
        super().__init__(files)
        self.work = {"run": "forecast-1", "uid": UUID, "attempt": 1, "entryPoint": "run.py", "timeoutSeconds": 20,
                     "environment": {"MODELRUN_RUN_ID": UUID, "MODELRUN_SCOPE": "model", "MODELRUN_ENTRYPOINT": "run.py"}, **(work or {})}
        self.given = False
        self.script["work"] = []
        self.cut = 0  # answers that break off after so many bytes

    def answer(self, handler, body):
        if handler.path != STANDBY:
            return super().answer(handler, body)
        with self.changed:
            self.requests.append(("work", dict(handler.headers), body))
            self.changed.notify_all()
            status, text = self.script["work"].pop(0) if self.script["work"] else (None, b"")
            if status is None:
                while not self.given and not self.stopping.is_set():
                    self.changed.wait(0.05)
                status = 200 if self.given else 204
                text = json.dumps(self.work).encode() + b"\n" + self.source
        handler.send_response(status)
        if status == 200:
            handler.send_header("X-Modelrun-Sha256", hashlib.sha256(self.source).hexdigest())
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        if self.cut:
            text, self.cut = text[: self.cut], 0
        handler.wfile.write(text)

    def give(self, **work):
        with self.changed:
            self.work.update(work)
            self.given = True
            self.changed.notify_all()


class Standby(Pod):
    def __init__(self, files, preload="", prepare="harness", work=None):
        super().__init__(sandbox_test.BINARY, files, WorkServer(files, work))
        self.preload = preload
        self.prepare = prepare
        os.chown(self.path("inputs"), sandbox_test.UID, sandbox_test.UID)

    def start_pod(self, argv=None):
        self.agent_env = {"MODELRUN_STANDBY": "forecasts-standby-x", "MODELRUN_RUN_NAME": "", "MODELRUN_RUN_ID": "", **self.agent_env}
        self.env = {"MODELRUN_PREPARE": self.prepare, "MODELRUN_TIMEOUT_SECONDS": "", "MODELRUN_RUN_ID": "", "MODELRUN_SCOPE": "",
                    "MODELRUN_ENTRYPOINT": "", **self.env}
        if self.prepare == "harness":
            self.env["MODELRUN_PRELOAD"] = self.preload
        self.env = {name: value for name, value in self.env.items()}
        self.start_agent().await_installed()
        self.start_exec(argv)
        return self

    def asks(self):
        return self.server.wait(lambda: self.server.count("work") > 0)

    def run_warm(self, argv=None, **work):
        self.start_pod(argv)
        assert self.asks(), self.text("agent.err") + self.text("exec.err")
        self.server.give(**work)
        return self.finish()


class StandbyTest(unittest.TestCase):
    def standby(self, *args, **options):
        pod = Standby(*args, **options)
        self.addCleanup(pod.close)
        return pod

    def test_standby_runs_the_work_that_it_is_given(self):
        pod = self.standby({"run.py": "import json, os, sys\np = json.load(open(__file__[:-len('repo/run.py')] + 'inputs/parameters.json'))\n"
                            "print('hello', sys.stdin.read())\nresult = {'p': p, 'id': os.environ['MODELRUN_RUN_ID'], 'left': "
                            "sorted(n for n in os.environ if n in ('MODELRUN_PRELOAD', 'MODELRUN_PREPARE'))}\n"})
        frame = pod.run_warm(parameters='{"growth": 0.25}')
        self.assertEqual(frame["exit"]["how"], "Exited", frame)
        self.assertEqual(frame["outputs"], {"p": {"growth": 0.25}, "id": UUID, "left": []})
        self.assertEqual((frame["runUid"], frame["attempt"], frame["stdout"]["head"]), (UUID, 1, "hello \n"))
        self.assertIn("seccomp", frame["rings"])
        self.assertEqual(len(pod.server.results), 1)

    def test_standby_gets_no_source_and_no_identity_before_its_work(self):
        pod = self.standby({"run.py": "result = {}"})
        pod.start_pod()
        self.assertTrue(pod.asks())
        self.assertEqual(os.listdir(pod.path("repo")), [])
        self.assertEqual(os.listdir(pod.path("inputs")), [])
        self.assertEqual({what for what, _, _ in pod.server.requests}, {"work"})
        with open("/proc/%d/environ" % pod.model_pid()) as f:
            self.assertNotIn(UUID, f.read())

    def test_rings_are_up_before_the_first_preload(self):
        pod = self.standby({"run.py": "import sys\nprobe = sys.modules['probe']\nresult = {'inet': probe.inet, 'filters': probe.filters, 'nnp': "
                            "probe.no_new_privs}\nprint('model')\n"}, preload="probe")
        library = pod.path("tmp/library")
        os.makedirs(library)
        with open(library + "/probe.py", "w") as f:
            f.write(PROBE)
        # -I keeps PYTHONPATH out, so the module is found by a .pth of a site directory of its own.
        argv = ["/usr/bin/env", "python3", "-I", "-B", "-u", "-c",
                "import sys, runpy\nsys.path.append(%r)\nsys.argv = [%r]\nrunpy.run_path(sys.argv[0], run_name='__main__')"
                % (library, pod.path("modelrun/harness.py"))]
        frame = pod.run_warm(argv)
        self.assertEqual(frame["outputs"], {"inet": True, "filters": 2, "nnp": 1}, frame)
        self.assertEqual(frame["stdout"]["head"], "model\n")  # what the preload says is not the model's
        self.assertEqual(frame["stderr"]["head"], "")

    def test_preload_that_fails_says_why(self):
        pod = self.standby({"run.py": "result = {}"}, preload="no_such_module")
        frame = pod.start_pod().finish()
        self.assertEqual(frame["exit"]["how"], "NotStarted")
        self.assertIn("No module named 'no_such_module'", frame["error"]["message"])
        self.assertEqual(frame["runUid"], "")
        self.assertEqual(pod.server.count("work") + pod.server.count("result"), 0)

    def test_module_of_the_repository_wins_over_a_preloaded_one(self):
        files = {"run.py": "import colorsys\nresult = {'mine': hasattr(colorsys, 'MINE'), 'id': __import__('os').environ['MODELRUN_RUN_ID']}\n",
                 "colorsys.py": "MINE = True\n"}
        frame = self.standby(files, preload="colorsys").run_warm()
        self.assertEqual(frame["outputs"], {"mine": True, "id": UUID}, frame)

    def test_preloaded_module_is_the_one_that_the_model_imports(self):
        files = {"run.py": "import sys\nbefore = 'colorsys' in sys.modules\nimport colorsys\nresult = {'before': before}\n"}
        self.assertEqual(self.standby(files, preload="colorsys").run_warm()["outputs"], {"before": True})
        self.assertEqual(self.standby(files).run_warm()["outputs"], {"before": False})

    def test_pipeline_in_a_standby(self):
        files = {"run.py": "PIPELINE = ['a']\nresult = {'r': 1}\n", "model/a.py": "result = {'a': 2}\n"}
        frame = self.standby(files, preload="colorsys").run_warm(
            environment={"MODELRUN_RUN_ID": UUID, "MODELRUN_SCOPE": "project", "MODELRUN_ENTRYPOINT": "run.py"})
        self.assertEqual(frame["outputs"], {"r": 1, "a": {"a": 2}}, frame)

    def test_other_programs_are_started_when_the_work_comes(self):
        pod = self.standby({"job.sh": "echo \"$MODELRUN_RUN_ID $0\"; printf '{\"x\": 1}' >\"${0%repo/job.sh}outputs/result.json\"\n"}, prepare="nothing")
        frame = pod.run_warm(["/bin/sh", pod.path("repo/$(ENTRYPOINT)")], entryPoint="job.sh")
        self.assertEqual(frame["exit"]["code"], 0, frame)
        self.assertIn(UUID, frame["stdout"]["head"])
        self.assertIn("repo/job.sh", frame["stdout"]["head"])

    def test_time_out_and_cancel_are_those_of_the_run(self):
        slow = {"run.py": "import time\nprint('up', flush=True)\ntime.sleep(60)\n"}
        frame = self.standby(slow).run_warm(timeoutSeconds=1)
        self.assertEqual(frame["exit"]["how"], "TimedOut")
        pod = self.standby(slow)
        pod.start_pod()
        self.assertTrue(pod.asks())
        pod.server.give()
        pod.await_text("exec.out", "up\n")
        pod.server.cancel.set()
        self.assertEqual(pod.finish()["exit"]["how"], "Cancelled")

    def test_work_that_breaks_off_is_asked_for_again(self):
        for into_the_source in (False, True):
            pod = self.standby({"run.py": "result = {'ok': 1}"})
            pod.server.cut = len(json.dumps(pod.server.work)) + 30 if into_the_source else 10
            frame = pod.run_warm()
            self.assertEqual(frame["outputs"], {"ok": 1})
            self.assertGreaterEqual(pod.server.count("work"), 2)

    def test_standby_asks_again_after_failures_and_ends_when_told(self):
        pod = self.standby({"run.py": "result = {}"})
        pod.server.script["work"] = [(503, b"busy"), (429, b"busy"), (409, b"over")]
        frame = pod.start_pod().finish()
        self.assertEqual(frame["exit"]["how"], "NotStarted")
        self.assertEqual(pod.server.count("work"), 3)
        self.assertEqual(pod.server.count("result"), 0)

    def test_waiting_process_that_is_killed_fails_the_standby(self):
        pod = self.standby({"run.py": "result = {}"})
        pod.start_pod()
        self.assertTrue(pod.asks())
        os.kill(pod.model_pid(), signal.SIGKILL)
        frame = pod.finish()
        self.assertEqual(frame["exit"]["how"], "NotStarted")
        self.assertIn("signal 9", frame["error"]["message"])

    def test_term_ends_a_waiting_standby(self):
        pod = self.standby({"run.py": "result = {}"})
        pod.start_pod()
        self.assertTrue(pod.asks())
        begun = time.monotonic()
        os.kill(pod.exec_pid(), signal.SIGTERM)
        pod.agent.terminate()
        frame = pod.finish(20)
        self.assertEqual(frame["exit"]["how"], "NotStarted", time.monotonic() - begun)

    def test_model_cannot_reach_the_work_socket(self):
        files = {"run.py": "import os\nresult = {'fds': sorted(os.readlink('/proc/self/fd/' + fd) for fd in ('0',)), 'sockets': "
                 "[fd for fd in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + fd) and 'socket' in os.readlink('/proc/self/fd/' + fd)]}\n"}
        frame = self.standby(files).run_warm()
        self.assertEqual(frame["outputs"], {"fds": ["/dev/null"], "sockets": []})
