"""The two programs of a pod together. Run by tests/sandbox/run, as root (see fixture.py)."""
import atexit
import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from fixture import UID, Pod, contents_of

BINARY = None
HERE = os.path.dirname(os.path.abspath(__file__))


def use_program(path):
    """A copy of it where the unprivileged uid can read it."""
    global BINARY
    directory = tempfile.mkdtemp(prefix="modelrun-program-")
    os.chmod(directory, 0o755)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    BINARY = os.path.join(directory, "modelrun-sandbox")
    shutil.copy(path, BINARY)
    os.chmod(BINARY, 0o755)


# What a model could learn of the machine and its neighbours, and devices that are shared.
LEARNED = ["/dev/ptmx", "/dev/tty", "/dev/pts", "/dev", "/dev/mqueue", "/dev/mem", "/dev/kmsg", "/sys", "/sys/kernel", "/sys/kernel/vmcoreinfo",
           "/sys/kernel/slab", "/sys/kernel/debug", "/sys/class/net", "/sys/class/dmi", "/sys/block", "/sys/bus/pci", "/sys/module",
           "/sys/devices", "/sys/devices/virtual", "/sys/firmware", "/sys/fs", "/sys/fs/ext4", "/sys/power"]
# What runtimes read.
NEEDED = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/shm", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
          "/proc/self/status", "/proc/self/stat", "/proc/self/maps", "/proc/self/fd", "/proc/self/task", "/proc/self/cgroup", "/proc/self/mountinfo",
          "/sys/devices/system/cpu/online", "/sys/devices/system/cpu/possible", "/sys/devices/system/node", "/sys/fs/cgroup", "/etc/passwd",
          "/usr/lib", "/tmp"]
# Opens every file of /proc for reading and for writing, and reads the files of the pod: where a marker was found, and what could be
# opened for writing. Waits for the file `go` first.
SEARCH = """
import os, time
root = __file__.rsplit('/repo', 1)[0]
print('up', flush=True)
while not os.path.exists(root + '/tmp/go'): time.sleep(0.01)
markers = [part.encode() for part in %r]
found, writable, seen = [], [], 0
def look(path, flags):
    try:
        return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY)
    except OSError:
        return None
for top in ('/proc', root):
    for directory, _, names in os.walk(top):
        for path in (directory + '/' + name for name in names):
            fd = look(path, os.O_RDONLY)
            if fd is not None:
                seen += 1
                try:
                    text = os.read(fd, 1 << 20)
                    found += [path for marker in markers if marker in text]
                except OSError:
                    pass
                os.close(fd)
            if top == '/proc':
                fd = look(path, os.O_WRONLY)
                if fd is not None:
                    writable.append(path)
                    os.close(fd)
def ask(call, *arguments):
    try:
        call(*arguments)
        return 'ok'
    except OSError as e:
        return e.errno
result = {'found': found, 'writable': writable, 'many': seen > 500,
          'pids': sorted(int(name) for name in os.listdir('/proc') if name.isdigit()), 'mine': os.getpid(),
          'one': {name: ask(os.listdir if name in ('fd', 'map_files') else os.readlink if name in ('root', 'cwd', 'exe') else open, '/proc/1/' + name)
                  for name in ('environ', 'mem', 'maps', 'auxv', 'fd', 'map_files', 'root', 'cwd', 'exe', 'stack', 'syscall')}}
"""

def has_landlock():
    return ctypes.CDLL(None).syscall(444, None, 0, 1) > 0


def can_open(path):
    try:
        os.listdir(path) if os.path.isdir(path) else os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return True
    except OSError:
        return False


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


def pid_is_gone(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class SandboxTest(unittest.TestCase):
    maxDiff = None

    def pod(self, program, **options):
        files = program if isinstance(program, dict) else {"run.py": program}
        pod = Pod(BINARY, files, **options)
        self.addCleanup(pod.close)
        return pod

    def pushed(self, pod):
        self.assertEqual(len(pod.server.results), 1, pod.text("agent.err") + pod.text("exec.err"))
        return pod.server.results[0]

    # ---- Ends ------------------------------------------------------------------------------------------------
    def test_good_run(self):
        pod = self.pod("import sys\nprint('hello')\nprint('warn', file=sys.stderr)\nresult = {'a': 1, 'b': [1.5, None]}\n"
                       "open('%s/outputs/table.csv' % __file__.rsplit('/repo', 1)[0], 'w').write('x,y\\n')\n")
        frame = pod.run()
        self.assertEqual(frame, self.pushed(pod))
        self.assertEqual(frame["exit"]["how"], "Exited", frame)
        self.assertEqual(frame["exit"]["code"], 0, pod.text("agent.err"))
        self.assertEqual(frame["stdout"], {"head": "hello\n", "tail": "", "totalBytes": 6})
        self.assertEqual(frame["stderr"]["head"], "warn\n")
        self.assertEqual(frame["outputs"], {"a": 1, "b": [1.5, None]})
        self.assertEqual(frame["artifacts"][0]["name"], "table.csv")
        self.assertNotIn("error", frame)
        self.assertEqual(frame["rings"], "process,seccomp,landlock" if has_landlock() else "process,seccomp")
        self.assertLess(frame["exit"]["startedAt"], frame["exit"]["finishedAt"])
        self.assertEqual((pod.exec.returncode, pod.agent.returncode), (0, 0))
        self.assertEqual(pod.text("exec.out"), "hello\n")
        self.assertEqual(pod.text("exec.err"), "warn\n")
        message = json.loads(pod.text("dev/termination-log"))
        self.assertTrue(message["complete"])
        self.assertEqual(message["frame"]["outputs"], frame["outputs"])
        tokens = {headers["Authorization"] for _, headers, _ in pod.server.requests}
        self.assertEqual(tokens, {"Bearer the-token"})

    def test_exit_codes(self):
        for statement, code in (("sys.exit(3)", 3), ("sys.exit('no')", 1), ("os._exit(255)", 255), ("1 / 0", 1)):
            with self.subTest(statement):
                pod = self.pod("import os, sys\n%s\n" % statement)
                frame = pod.run()
                self.assertEqual((frame["exit"]["how"], frame["exit"]["code"]), ("Exited", code))
                self.assertEqual(pod.exec.returncode, code)
                self.assertNotIn("outputs", frame)

    def test_every_deadly_signal(self):
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM):
            with self.subTest(number):
                pod = self.pod("import os\nos.kill(os.getpid(), %d)\n" % number)
                frame = pod.run()
                self.assertEqual((frame["exit"]["how"], frame["exit"].get("signal")), ("Signaled", int(number)))
                self.assertNotIn("code", frame["exit"])
                self.assertEqual(pod.exec.returncode, 128 + number)

    def test_traceback_begins_with_the_models_own_frame(self):
        pod = self.pod("def f():\n    raise ValueError('no')\nf()\n")
        err = pod.run()["stderr"]["head"]
        self.assertTrue(err.startswith("Traceback (most recent call last):\n  File \"%s\", line 3" % pod.path("repo/run.py")), err)
        self.assertNotIn("harness", err)

    def test_timeout_ends_what_ignores_sigterm(self):
        pod = self.pod("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up')\ntime.sleep(600)\n",
                       timeout=8)
        began = time.monotonic()
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("signal")), ("TimedOut", 9))
        self.assertEqual(frame["stdout"]["head"], "up\n")
        self.assertGreater(time.monotonic() - began, 12.5)  # the time-out and the 5 s of grace
        self.assertLess(time.monotonic() - began, 60)

    def test_timeout_keeps_what_was_written(self):
        pod = self.pod("import time, json\nroot = __file__.rsplit('/repo', 1)[0]\n"
                       "json.dump({'x': 1}, open(root + '/outputs/part.json', 'w'))\nopen(root + '/outputs/bad.json', 'w').write('{')\n"
                       "time.sleep(600)\n", timeout=5)
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("signal")), ("TimedOut", 15))
        self.assertEqual(frame["outputs"], {"part": {"x": 1}})
        self.assertNotIn("error", frame)
        self.assertIn("/outputs/bad.json", frame["warning"])

    def test_cancel(self):
        pod = self.pod("import time\nprint('up')\ntime.sleep(600)\n")
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        pod.server.cancel.set()
        frame = pod.finish()
        self.assertEqual(frame["exit"]["how"], "Cancelled")
        self.assertEqual(frame["exit"]["signal"], 15)

    def test_attempt_over_ends_the_model(self):
        pod = self.pod("import time\nprint('up')\ntime.sleep(600)\n")
        pod.server.script["control"] = [(409, b"over")]
        pod.server.script["result"] = [(409, b"over")]
        frame = pod.run()
        self.assertEqual(frame["exit"]["how"], "Cancelled")
        self.assertEqual(pod.server.count("result"), 1)

    def test_daemonised_child_is_ended(self):
        pod = self.pod("import os, time\nread, write = os.pipe()\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
                       "        print('daemon', flush=True)\n        os.write(write, b'x')\n        time.sleep(600)\n    os._exit(0)\n"
                       "os.wait()\nos.read(read, 1)\nresult = {}\n")
        began = time.monotonic()
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("code")), ("Exited", 0))
        self.assertIn("daemon", frame["stdout"]["head"])
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual(frame["outputs"], {})

    def test_sigterm_from_outside(self):
        pod = self.pod("import time\nprint('up')\ntime.sleep(600)\n")
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        os.kill(pod.agent.pid, signal.SIGTERM)  # setpriv has become the agent
        os.kill(pod.exec_pid(), signal.SIGTERM)
        frame = pod.finish()
        self.assertEqual(frame["exit"]["how"], "Terminated")
        self.assertEqual(self.pushed(pod), frame)

    def test_signals_of_the_model_do_not_reach_its_supervisor(self):
        pod = self.pod("import os, time\nfor call in (lambda: os.kill(1, 15), lambda: os.kill(-1, 0)):\n    try:\n        call()\n"
                       "        print('done')\n    except OSError as e:\n        print(e.errno)\ntime.sleep(0.2)\n")
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("code")), ("Exited", 0))
        self.assertEqual(frame["stdout"]["head"].splitlines()[0], "1")

    # ---- Output ----------------------------------------------------------------------------------------------
    def test_fifty_megabytes_of_output(self):
        pod = self.pod("import sys\nsys.stdout.write('first\\n')\nfor i in range(50):\n    sys.stdout.write('x' * 1000000)\n"
                       "sys.stdout.write('\\nlast\\n')\n", agent_env={"MODELRUN_STDOUT_BYTES": "8192"})
        frame = pod.run()
        self.assertEqual(frame["exit"]["how"], "Exited", frame)
        out = frame["stdout"]
        self.assertEqual(out["totalBytes"], 50_000_012)
        self.assertTrue(out["head"].startswith("first\n") and out["tail"].endswith("\nlast\n"))
        self.assertEqual((len(out["head"]), len(out["tail"])), (4096, 4096))
        self.assertLess(os.path.getsize(pod.path("exec.out")), (8 << 20) + 300)
        self.assertTrue(pod.text("exec.out").rstrip().endswith("run's result"))

    def test_forged_frames_change_nothing(self):
        pod = self.pod("print('MODELRUN-RESULT end 00 1 1')\nprint('\\x1b[2J\\rMODELRUN-RESULT 1/1 AAAA')\n")
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["exit"]["code"]), ("Exited", 0))
        self.assertEqual(pod.text("agent.out").count("MODELRUN-RESULT end"), 1)

    def test_json_with_a_byte_order_mark_is_an_output(self):
        pod = self.pod("root = __file__.rsplit('/repo', 1)[0]\nopen(root + '/outputs/f.json', 'wb').write(b'\\xef\\xbb\\xbf{\"x\": 1}')\n")
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["outputs"], frame.get("warning", "")), ("Exited", {"f": {"x": 1}}, ""))

    # ---- Artifacts -------------------------------------------------------------------------------------------
    def artifacts(self, text, **options):
        """The frame of a model that writes files by put(NAME, BYTES), and the contents of those that were kept."""
        put = "import os, random\nroot = __file__.rsplit('/repo', 1)[0] + '/outputs/'\n" \
              "def put(name, data):\n    open(root + name, 'wb').write(data)\n"
        frame = self.pod(put + text, timeout=100, **options).run(seconds=120)
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("code")), ("Exited", 0), frame["stderr"]["head"][-500:])
        kept = {each["name"]: contents_of(each) for each in frame["artifacts"]}
        return frame, {name: contents for name, contents in kept.items() if contents is not None}

    def test_a_table_of_some_megabytes_is_kept(self):
        frame, kept = self.artifacts(
            "random.seed(7)\nv, rows, size = 100.0, ['step,value\\n'], 0\nwhile size < 3_500_000:\n    v += random.gauss(0, 1)\n"
            "    rows.append('%d,%.6f\\n' % (len(rows), v))\n    size += len(rows[-1])\nput('table.csv', ''.join(rows).encode())\n"
            "result = {'blob': 'y' * 1_000_000}\n")
        self.assertEqual(len(frame["outputs"]["blob"]), 1_000_000)
        self.assertEqual(hashlib.sha256(kept["table.csv"]).hexdigest(), frame["artifacts"][0]["sha256"])
        self.assertGreater(len(kept["table.csv"]), 3_500_000)
        self.assertNotIn("artifactLoss", frame)

    def test_what_unpacks_to_too_much_is_not_kept(self):
        frame, kept = self.artifacts("put('zeros.bin', b'')\nos.truncate(root + 'zeros.bin', 250_000_000)\n"
                                     "put('more.bin', b'')\nos.truncate(root + 'more.bin', 300_000_000)\nput('small.txt', b'x')\n")
        self.assertEqual(kept, {"small.txt": b"x"})
        self.assertIn("'zeros.bin': too large", frame["artifactLoss"])
        self.assertIn("'more.bin': no digest", frame["artifactLoss"])

    def test_artifacts_beyond_their_room_are_named(self):
        frame, kept = self.artifacts("random.seed(7)\nfor i in range(1, 5): put('%d.bin' % i, random.randbytes(i * 100_000))\n",
                                     agent_env={"MODELRUN_ARTIFACT_BYTES": "650000"})
        self.assertEqual(sorted(kept), ["1.bin", "2.bin", "3.bin"])
        self.assertIn("'4.bin': compressed", frame["artifactLoss"])
        self.assertIn("raise limits.artifactBytes of the project to 1000000", frame["artifactLoss"])

    def test_streams_that_need_much_room_do_not_cost_the_frame(self):
        # Escaped, the streams are 12 MiB of JSON: with 8 MiB of artifacts the frame would be refused as a whole.
        frame, kept = self.artifacts("random.seed(7)\nos.write(1, b'\\x01' * 2_000_000), os.write(2, b'\\x01' * 2_000_000)\n"
                                     "for i in range(16): put('%02d.bin' % i, random.randbytes(500_000))\n",
                                     agent_env={"MODELRUN_STDOUT_BYTES": "1048576", "MODELRUN_ARTIFACT_BYTES": "8388608"})
        self.assertEqual(len(frame["artifacts"]), 16)
        self.assertLess(len(kept), 16)
        self.assertLessEqual(len(json.dumps(frame)), 16 << 20)
        self.assertIn("artifactLoss", frame)

    def test_agent_needs_a_fixed_amount_of_memory(self):
        # By then the agent has collected, written both durable copies and made the request.
        keep = "root = __file__.rsplit('/repo', 1)[0]\nimport os, sys\ndef put(name, data):\n" \
               "    os.makedirs(os.path.dirname(root + '/outputs/' + name), exist_ok=True)\n    open(root + '/outputs/' + name, 'wb').write(data)\n"
        trees = {
            "three large files": "for i in range(3): put('f%d.json' % i, b'[' + b'{},' * (1398101 - 10) + b'{}]')\n",
            "one that may be read": "put('f.json', b'[' + b'{},' * 1390000 + b'{}]')\n",
            "many keys": "put('f.json', b'{' + b','.join(b'\"%x\":0' % i for i in range(98000)) + b'}')\n",
            "many keys of the harness": "result = {'%x' % i: 0 for i in range(98000)}\n",
            "the same keys twice": "result = {'%x' % i: 'v' * 20 for i in range(19000)}\nfor i in range(19000): put('%x.json' % i, b'1')\n",
            "a string": "put('f.json', b'\"' + b'x' * 4000000)\n",
            "escapes": "put('f.json', b'\"' + b'\\\\u00e9' * 500000 + b'\"')\n",
            "a number": "put('f.json', b'1' * 4000000)\n",
            "many files": "for i in range(30000): put('%d/%s%d' % (i % 100, 'x' * 200, i), b'')\n",
            "many outputs": "for i in range(30000): put('%s%d.json' % ('x' * 200, i), b'1')\n",
            "deep directories": "os.makedirs(root + '/outputs/' + 'd/' * 300)\n",
            "many directories": "for i in range(30000): os.mkdir(root + '/outputs/%s%d' % ('x' * 200, i))\n",
            "error.json": "put('.modelrun/error.json', b'{\"message\":\"' + b'x' * 4000000 + b'\"}')\n",
            "artifacts": "for i in range(300): put('%d.bin' % i, b'\\xff' * 1000000)\n",
            "artifacts that fill their room": "for i in range(16): put('%d.bin' % i, os.urandom(520000))\n",
            "an artifact of the largest size": "for i in range(8): put('%d.bin' % i, os.urandom(1000000))\nput('f.bin', os.urandom(16 << 20))\n",
            "streams": "os.write(1, b'\\x01' * 4000000), os.write(2, b'\\xff' * 4000000)\nfor i in range(4): put('%d.bin' % i, b'x' * 260000)\n",
        }
        for name, text in trees.items():
            with self.subTest(name):
                pod = self.pod(keep + text, timeout=100, agent_env={"MODELRUN_STDOUT_BYTES": "1048576", "MODELRUN_ARTIFACT_BYTES": "8388608"})
                peaks = []

                def look(pod=pod, peaks=peaks):
                    with open("/proc/%d/status" % pod.agent.pid) as f:
                        peaks.append(next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")))

                pod.server.on_result = look
                frame = pod.run(seconds=120)
                self.assertEqual((frame["exit"]["how"], frame["exit"].get("code")), ("Exited", 0), frame["stderr"]["head"][-500:])
                if os.environ.get("MODELRUN_SHOW_MEMORY"):
                    print("  %-26s %6d KiB  %s" % (name, peaks[0], frame.get("error")), flush=True)
                self.assertLess(peaks[0], 64 << 10)
                pod.close()

    # ---- Losses ----------------------------------------------------------------------------------------------
    def test_agent_killed_ends_the_model(self):
        pod = self.pod("import time\nprint('up')\ntime.sleep(600)\n")
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        model = pod.model_pid()
        pod.agent.kill()
        self.assertEqual(pod.exec.wait(10), 125)
        self.assertTrue(pid_is_gone(model))

    def test_exec_killed_keeps_what_was_printed(self):
        pod = self.pod("import os, time\nprint('before', flush=True)\nos.write(1, b'y' * 100000)\nprint('END', flush=True)\n"
                       "time.sleep(600)\n")
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "before\n")
        os.kill(pod.exec_pid(), signal.SIGSTOP)
        pod.await_text("exec.out", "before\n")
        os.kill(pod.exec_pid(), signal.SIGKILL)
        frame = pod.finish()
        self.assertEqual(frame["exit"]["how"], "Lost")
        self.assertNotIn("code", frame["exit"])
        self.assertTrue(frame["stdout"]["head"].startswith("before\n"))
        self.assertIn("startedAt", frame["exit"])
        self.assertEqual(frame, self.pushed(pod))

    def test_output_in_the_pipe_survives_exec(self):
        # Printed while `exec` is stopped: only the agent's read end has it.
        pod = self.pod("import os, sys, time\nroot = __file__.rsplit('/repo', 1)[0]\nprint('up', flush=True)\n"
                       "while not os.path.exists(root + '/tmp/go'): time.sleep(0.01)\nprint('LAST WORDS', flush=True)\n"
                       "open(root + '/tmp/said', 'w').write('said')\ntime.sleep(600)\n")
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        os.kill(pod.exec_pid(), signal.SIGSTOP)
        pod.write("tmp/go", "")
        pod.await_text("tmp/said", "said")
        os.kill(pod.exec_pid(), signal.SIGKILL)
        frame = pod.finish()
        self.assertEqual(frame["exit"]["how"], "Lost")
        self.assertEqual(frame["stdout"]["head"], "up\nLAST WORDS\n")

    def test_push_refused_then_accepted(self):
        pod = self.pod("result = {}\n")
        pod.server.script["result"] = [(503, b"not the leader"), (429, b""), (500, b"")]
        frame = pod.run()
        self.assertEqual(self.pushed(pod), frame)
        self.assertEqual(pod.server.count("result"), 4)

    def test_other_replicas_cost_no_wait(self):
        pod = self.pod("result = {}\n")
        other = (503, b"not the leader", {"Retry-After": "0"})
        pod.server.script["source"] = [other] * 5
        pod.server.script["result"] = [other] * 6
        self.assertEqual(pod.run()["exit"].get("code"), 0)
        self.assertEqual([pod.server.count(what) for what in ("source", "result")], [6, 7])
        said = pod.text("agent.err")
        self.assertNotIn("fetching", said)
        self.assertIn("pushing the result: POST result: the run server answered 503: not the leader; trying again", said)

    def test_push_denied_ends_at_once(self):
        pod = self.pod("result = {}\n")
        pod.server.script["result"] = [(403, b'{"message":"not your run"}')] * 2
        frame = pod.run()
        self.assertEqual(frame["outputs"], {})
        self.assertEqual((pod.agent.returncode, pod.server.count("result")), (0, 1))
        self.assertIn("not your run", pod.text("agent.err"))

    def test_server_gone_after_the_start_leaves_the_durable_copy(self):
        pod = self.pod("import os, time\nroot = __file__.rsplit('/repo', 1)[0]\nprint('up', flush=True)\n"
                       "while not os.path.exists(root + '/tmp/go'): time.sleep(0.01)\nresult = {'kept': 1}\n")
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        pod.server.close()
        pod.write("tmp/go", "")
        pod.exec.wait(30)
        pod.await_text("dev/termination-log", "kept")
        self.assertEqual(pod.logged_frame()["outputs"], {"kept": 1})
        self.assertIsNone(pod.agent.poll())  # still trying

    # ---- Source ----------------------------------------------------------------------------------------------
    def test_source_comes_after_refusals(self):
        pod = self.pod("result = {}\n")
        pod.server.script["source"] = [(503, b""), (503, b""), (429, b"")]
        self.assertEqual(pod.run()["exit"].get("code"), 0)
        self.assertEqual(pod.server.count("source"), 4)

    def test_source_denied(self):
        pod = self.pod("result = {}\n")
        pod.server.script["source"] = [(403, b"this pod is not the one")]
        frame = pod.run()
        self.assertEqual(frame["exit"]["how"], "NotStarted")
        self.assertEqual(frame["error"]["reason"], "SandboxSetupFailed")
        self.assertIn("this pod is not the one", frame["error"]["message"])
        self.assertEqual(pod.exec.returncode, 125)
        self.assertEqual(pod.server.count("source"), 1)

    def test_source_with_the_wrong_digest_is_not_run(self):
        pod = self.pod("print('ran')\n", agent_env={"MODELRUN_CONNECT_SECONDS": "5"})
        pod.server.digest = "0" * 64
        frame = pod.run()
        self.assertEqual(frame["exit"]["how"], "NotStarted")
        self.assertGreater(pod.server.count("source"), 1)
        self.assertEqual(pod.text("exec.out"), "")

    def test_source_that_leaves_the_tree_is_refused(self):
        for path in ("../evil", "/evil", "a/../../evil"):
            with self.subTest(path):
                pod = self.pod({"run.py": "", path: "x"})
                frame = pod.run()
                self.assertEqual(frame["exit"]["how"], "NotStarted")
                self.assertFalse(os.path.exists(pod.path("evil")))

    def test_certificate_of_another_name_is_refused(self):
        pod = self.pod("", agent_env={"MODELRUN_RUN_SERVER_NAME": "other.test", "MODELRUN_CONNECT_SECONDS": "5"})
        frame = pod.start_agent().await_installed().start_exec().await_frame()
        self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), ("NotStarted", "SourceUnreachable"))
        self.assertIn("hostname mismatch", pod.text("agent.err"))
        self.assertEqual(pod.server.requests, [])

    def test_source_without_room_says_so(self):
        pod = self.pod({"run.py": "print('ran')\n", "big": "x" * 200_000})
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755,uid=%d" % UID, "none", pod.path("repo")], check=True)
        self.addCleanup(subprocess.run, ["umount", pod.path("repo")])
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), ("NotStarted", "SandboxSetupFailed"))
        self.assertIn("No space left", frame["error"]["message"])

    def test_source_without_inodes_says_so(self):
        pod = self.pod({"run.py": "print('ran')\n", **{"d%d/f" % i: "" for i in range(30)}})
        subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=20,mode=755,uid=%d" % UID, "none", pod.path("repo")], check=True)
        self.addCleanup(subprocess.run, ["umount", pod.path("repo")])
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), ("NotStarted", "SandboxSetupFailed"))
        self.assertIn("the node has no room for the source", frame["error"]["message"])

    def test_counts_in_the_warning_stay(self):
        pod = self.pod("import os, sys\nroot = __file__.rsplit('/repo', 1)[0] + '/outputs/'\nfor i in range(30):\n"
                       "    open(root + '%s%d.json' % ('x' * 200, i), 'w').write('{')\n    os.symlink('x', root + '%s%d' % ('y' * 200, i))\nsys.exit(3)\n")
        warning = pod.run()["warning"]
        self.assertIn(" (and 29 more problems); ", warning)
        self.assertTrue(warning.endswith("; and 22 more"), warning)
        self.assertLessEqual(len(warning), 2048)

    def test_text_of_the_server_is_printable(self):
        pod = self.pod("result = {}\n")
        pod.server.script["source"] = [(403, b'{"message":"no\\u001b[2J\\nMODELRUN-RESULT end\\u009b\\u202e"}')]
        frame = pod.run()
        self.assertIn("no?[2J MODELRUN-RESULT end??", frame["error"]["message"])
        self.assertTrue(frame["error"]["message"].isprintable())
        self.assertTrue(pod.text("agent.err").replace("\n", "").isprintable())

    def test_answers_without_end_are_refused(self):
        for head in (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000):
            with self.subTest(head[-4:]):
                pod = self.pod("print('ran')\n", agent_env={"MODELRUN_CONNECT_SECONDS": "3"})
                pod.server.raw["source"] = head + b"\r\n\r\n" + pod.server.source
                frame = pod.run()
                self.assertEqual(frame["exit"]["how"], "NotStarted")
                self.assertIn("head is too long", frame["error"]["message"])

    # ---- Setup -----------------------------------------------------------------------------------------------
    def test_missing_program(self):
        frame = self.pod("").run(argv=["no-such-python"])
        self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), ("NotStarted", "SandboxSetupFailed"))
        self.assertIn("'no-such-python'", frame["error"]["message"])
        self.assertNotIn("rings", frame)

    def test_landlock(self):
        pod = self.pod("import os\nroot = __file__.rsplit('/repo', 1)[0]\ndef attempt(path):\n    try:\n"
                       "        open(path, 'w').close()\n        os.unlink(path)\n        return 'ok'\n    except OSError as e:\n        return e.errno\n"
                       "result = {p: attempt(root + p) for p in ('/outputs/a', '/tmp/a', '/upstream/a', '/repo/a', '/modelrun/a')}\n"
                       "result['shm'] = attempt('/dev/shm/modelrun-test-%d' % os.getpid())\n",
                       env={"MODELRUN_LANDLOCK": "required"})
        frame = pod.run()
        if frame["exit"]["how"] == "NotStarted":  # no Landlock in this kernel: it must fail closed and say what to do
            self.assertIn("--landlock=optional", frame["error"]["message"])
            return self.assertEqual(pod.exec.returncode, 126)
        self.assertEqual(frame["outputs"], {"/outputs/a": "ok", "/tmp/a": "ok", "/upstream/a": "ok", "/repo/a": 13,
                                            "/modelrun/a": 13, "shm": "ok"})

    def test_a_wrong_setting_fails_closed(self):
        for env in ({"MODELRUN_LANDLOCK": "perhaps"}, {"MODELRUN_TIMEOUT_SECONDS": "soon"}):
            with self.subTest(env):
                pod = self.pod("print('ran')\n", env=env)
                frame = pod.run()
                self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), ("NotStarted", "SandboxSetupFailed"))
                self.assertIn(next(iter(env)), frame["error"]["message"])
                self.assertEqual(pod.text("exec.out"), "")

    def test_agent_without_descriptors_ends(self):
        # However few it has: it says what it lacks or serves the run, and never waits for what cannot come.
        for most in range(4, 20):
            pod = self.pod("", agent_env={"MODELRUN_CONNECT_SECONDS": "1"}).start_agent(["prlimit", "--nofile=%d" % most])
            frame = pod.finish(20)
            self.assertIn(pod.agent.returncode, (0, 1, 127), pod.text("agent.err"))
            if frame:
                self.assertEqual(frame["exit"]["how"], "NotStarted")
            pod.close()

    def test_exec_never_comes(self):
        pod = self.pod("", agent_env={"MODELRUN_CONNECT_SECONDS": "1"}).start_agent()
        frame = pod.finish()
        self.assertIn("did not start", frame["error"]["message"])
        # The source is the permit: it is not asked for while there is nobody to run it.
        self.assertEqual(pod.server.count("source"), 0)

    def test_entry_point_missing(self):
        frame = self.pod({"other.py": ""}).run()
        self.assertEqual((frame["exit"]["code"], frame["error"]["reason"]), (66, "EntryPointNotFound"))

    def test_environment_and_limits_of_the_model(self):
        pod = self.pod("import os, resource, json\nresult = {'env': dict(os.environ), 'cwd': os.getcwd(),\n"
                       " 'core': resource.getrlimit(resource.RLIMIT_CORE)[1], 'nofile': resource.getrlimit(resource.RLIMIT_NOFILE)[1],\n"
                       " 'fds': sorted(map(int, os.listdir('/proc/self/fd')))[:4], 'status': open('/proc/self/status').read()}\n",
                       env={"PYTHONPATH": "/x", "LD_PRELOAD": "", "KUBERNETES_SERVICE_HOST": "x", "MY": "value"})
        out = pod.run()["outputs"]
        self.assertEqual(out["cwd"], pod.path("repo"))
        self.assertEqual((out["core"], out["nofile"]), (1, 1024))
        self.assertEqual(out["env"]["MY"], "value")
        self.assertEqual([out["env"][name] for name in ("HOME", "USER", "LOGNAME")], ["/tmp", "modelrun", "modelrun"])
        for name in ("PYTHONPATH", "LD_PRELOAD", "KUBERNETES_SERVICE_HOST", "MODELRUN_TIMEOUT_SECONDS", "MODELRUN_LANDLOCK"):
            self.assertNotIn(name, out["env"])
        self.assertEqual(out["fds"], [0, 1, 2, 3])  # 3 is listdir's own
        self.assertIn("NoNewPrivs:\t1", out["status"])
        self.assertIn("Seccomp:\t2", out["status"])

    def test_no_handler_of_core_dumps_is_started(self):
        # A handler behind '|' runs as root outside the container, whatever RLIMIT_CORE is, unless it is 1.
        with open("/proc/sys/kernel/core_pattern") as f:
            before = f.read()
        directory = tempfile.mkdtemp(prefix="modelrun-core-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        handler = os.path.join(directory, "handler")
        with open(handler, "w") as f:
            f.write("#!/bin/sh\ncat >/dev/null\necho \"$1\" >>%s/dumped\n" % directory)
        os.chmod(handler, 0o755)
        try:
            with open("/proc/sys/kernel/core_pattern", "w") as f:
                f.write("|%s %%e" % handler)
        except OSError:
            self.skipTest("core_pattern cannot be set here")
        self.addCleanup(lambda: open("/proc/sys/kernel/core_pattern", "w").write(before))
        dumped = lambda name: name in (open(directory + "/dumped").read() if os.path.exists(directory + "/dumped") else "")
        crash = "import ctypes, os, resource, signal\nopen('/proc/self/comm', 'w').write('%s')\n%s\nos.kill(os.getpid(), signal.SIGSEGV)\n"
        crash = crash.replace("open('/proc/self/comm', 'w').write('%s')", "ctypes.CDLL(None).prctl(15, b'%s', 0, 0, 0)")
        for n, lower in enumerate(("", "try:\n    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n    print('LOWERED')\nexcept (OSError, ValueError) as e:\n    print('refused')",
                                   "try:\n    resource.prlimit(0, resource.RLIMIT_CORE, (0, 0))\n    print('LOWERED')\nexcept (OSError, ValueError) as e:\n    print('refused')")):
            with self.subTest(lower):
                frame = self.pod(crash % ("sandboxed%d" % n, lower)).run()
                self.assertEqual((frame["exit"]["how"], frame["exit"].get("signal")), ("Signaled", 11))
                self.assertEqual(frame["stdout"]["head"], "refused\n" if lower else "")
        # The control, with the limit 0: it comes last, and what came before would be in the file by now.
        subprocess.run(["python3", "-c", crash % ("unhardened", "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))")])
        self.assertTrue(wait_until(lambda: dumped("unhardened")))
        self.assertFalse(dumped("sandboxed"))

    def test_the_model_yields_to_its_supervisor(self):
        pod = self.pod("import os\ndef undo():\n    try:\n        os.setpriority(os.PRIO_PROCESS, 0, 0)\n        return 'undone'\n"
                       "    except OSError as e:\n        return e.errno\nresult = {'nice': os.nice(0), 'undo': undo(), 'after': os.nice(0)}\n"
                       "print('up', flush=True)\nimport sys\nwhile not os.path.exists(__file__.rsplit('/repo', 1)[0] + '/tmp/go'): pass\n")
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, pod.exec_pid()), os.nice(0))
        pod.write("tmp/go", "")
        self.assertEqual(pod.finish()["outputs"], {"nice": 19, "undo": 13, "after": 19})

    def frame_without_a_reader(self, text, **options):
        """The frame of a model that succeeds although nobody reads its log."""
        pod = self.pod(text, **options)
        pod.start_agent().await_installed()
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        pod.start_exec(out=write)
        os.close(write)
        frame = pod.finish()
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("code")), ("Exited", 0))
        return frame

    def test_log_that_is_not_read_does_not_hold_the_model_up(self):
        frame = self.frame_without_a_reader("import os\nfor i in range(40):\n    os.write(1, b'x' * 99999 + b'\\n')\nresult = {}\n")
        self.assertEqual(frame["stdout"]["totalBytes"], 4_000_000)

    def test_many_short_lines_keep_the_last_ones_although_nobody_reads_the_log(self):
        frame = self.frame_without_a_reader(
            "import sys\nfor i in range(1000000):\n    sys.stdout.write('row %06d\\n' % i)\nprint('LAST')\nresult = {}\n",
            agent_env={"MODELRUN_STDOUT_BYTES": "8192"})
        self.assertEqual(frame["stdout"]["totalBytes"], 11_000_005)
        self.assertTrue(frame["stdout"]["head"].startswith("row 000000\nrow 000001\n"), frame["stdout"]["head"][:100])
        self.assertTrue(frame["stdout"]["tail"].endswith("row 999998\nrow 999999\nLAST\n"), frame["stdout"]["tail"][-100:])

    def test_log_that_is_read_late_has_a_mark(self):
        pod = self.pod("import os, time\nroot = __file__.rsplit('/repo', 1)[0]\nfor i in range(40):\n    os.write(1, b'x' * 99999 + b'\\n')\n"
                       "open(root + '/tmp/said', 'w').write('said')\nwhile not os.path.exists(root + '/tmp/go'): time.sleep(0.01)\n"
                       "print('LAST', flush=True)\nresult = {}\n")
        pod.start_agent().await_installed()
        read, write = os.pipe()
        pod.start_exec(out=write)
        os.close(write)
        pod.await_text("tmp/said", "said")
        text = b""
        with open(read, "rb", buffering=0) as log:
            while b"not read fast enough" not in text:
                text += log.read(65536)
            pod.write("tmp/go", "")
            while chunk := log.read(65536):
                text += chunk
        self.assertEqual(pod.finish()["exit"].get("code"), 0)
        self.assertTrue(text.endswith(b"\nLAST\n"), text[-300:])
        self.assertLess(len(text), 2 << 20)

    def test_empty_lines_count(self):
        pod = self.pod("import os\nfor i in range(9):\n    os.write(1, b'\\n' * 1000000)\n")
        frame = pod.run()
        self.assertEqual(frame["stdout"]["totalBytes"], 9_000_000)
        self.assertLess(pod.text("exec.out").count("\n"), (8 << 20) / 61 + 10)
        self.assertTrue(pod.text("exec.out").rstrip().endswith("run's result"))

    def test_files_beside_the_image_are_denied(self):
        pod = self.pod("import os\ndef look(path):\n    try:\n        if os.path.isdir(path):\n            os.listdir(path)\n        else:\n"
                       "            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))\n        return 'ok'\n    except OSError as e:\n        return e.errno\n"
                       "result = {p: look(p) for p in %r}\n" % (LEARNED + NEEDED,), env={"MODELRUN_LANDLOCK": "required"})
        frame = pod.run()
        if frame["exit"]["how"] == "NotStarted":
            self.skipTest("this kernel has no Landlock")
        there = lambda paths: [p for p in paths if os.path.exists(p)]
        self.assertEqual({p: frame["outputs"][p] for p in there(NEEDED)}, {p: "ok" for p in there(NEEDED)})
        # The control: what this process may open.
        open_here = [p for p in LEARNED if can_open(p)]
        self.assertGreater(len(open_here), 10)
        self.assertEqual({p: frame["outputs"][p] for p in open_here}, {p: 13 for p in open_here})

    def test_proc_keeps_no_secret_and_takes_nothing(self):
        """What `exec`, the agent and a process that somebody started in the container have in memory, and every file of /proc."""
        if not has_landlock():
            self.skipTest("this kernel has no Landlock")
        markers = ["canary-of-exec", "canary-of-neighbour", "the-token"]
        pod = self.pod(SEARCH % (markers,),
                       env={"MODELRUN_LANDLOCK": "required", "KUBERNETES_SERVICE_HOST": "canary-of-exec"})
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        neighbour = pod.inside(["sh", "-c", "echo $$ >%s; exec sleep 600" % pod.path("tmp/pid")], env={"CANARY": "canary-of-neighbour"})
        pod.await_text("tmp/pid", "\n")
        # The control: without the sandbox, the same user may read it.
        reader = pod.inside(["cat", "/proc/%d/environ" % int(pod.text("tmp/pid"))], stdout=subprocess.PIPE)
        self.assertIn(b"canary-of-neighbour", reader.communicate(timeout=30)[0])
        pod.write("tmp/go", "")
        frame = pod.finish()
        neighbour.wait(30)  # ends with the namespace
        out = frame.get("outputs")
        self.assertTrue(out, frame)
        # The program itself names what it looks for.
        self.assertEqual([path for path in out["found"] if path != pod.path("repo/run.py")], [])
        self.assertTrue(out["many"])
        self.assertEqual(out["writable"], [])
        self.assertEqual(out["one"], {name: 13 for name in out["one"]})
        self.assertEqual(len(out["pids"]), 4, "exec, the harness, the model, the neighbour")

    def test_memory_of_the_agent_is_out_of_reach(self):
        """Also of a process of its user in its own namespace, where no model is."""
        pod = self.pod("").start_agent().await_installed()
        look = "import ctypes, os, sys\npid = int(sys.argv[1])\ndef ask(call):\n    try:\n        call()\n        return 'ok'\n    except OSError as e:\n" \
               "        return 'denied' if e.errno in (1, 13) else e.errno\ndef trace():\n    libc = ctypes.CDLL(None, use_errno=True)\n" \
               "    if libc.ptrace(0x4206, pid, None, None) != 0: raise OSError(ctypes.get_errno(), '')\n" \
               "print(*[ask(call) for call in (lambda: open('/proc/%d/environ' % pid).read(), lambda: open('/proc/%d/mem' % pid, 'rb'),\n" \
               "    lambda: open('/proc/%d/maps' % pid).read(), lambda: os.listdir('/proc/%d/fd' % pid), trace)])\n"
        drop = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
        ask = lambda pid: subprocess.run([*drop, "/usr/bin/env", "python3", "-I", "-c", look, str(pid)], capture_output=True, text=True).stdout.split()
        control = subprocess.Popen([*drop, "sleep", "600"])
        self.addCleanup(control.wait)
        self.addCleanup(control.kill)
        self.assertTrue(wait_until(lambda: open("/proc/%d/comm" % control.pid).read() == "sleep\n"))
        self.assertEqual(ask(control.pid), ["ok"] * 5)
        self.assertEqual(ask(pod.agent.pid), ["denied"] * 5)

    def test_proc_stays_readable_when_the_kernel_forgets_its_files(self):
        if not has_landlock():
            self.skipTest("this kernel has no Landlock")
        pod = self.pod("import os, time\nroot = __file__.rsplit('/repo', 1)[0]\ndef look():\n"
                       "    return [len(open('/proc/' + name).read()) > 0 for name in ('self/status', 'self/cgroup', 'meminfo', 'stat')]\n"
                       "before = look()\nprint('up', flush=True)\nwhile not os.path.exists(root + '/tmp/go'): time.sleep(0.01)\n"
                       "result = {'before': before, 'after': look()}\n", env={"MODELRUN_LANDLOCK": "required"})
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        # Drops what is cached of this file system.
        self.assertEqual(pod.inside(["mount", "-o", "remount,nosuid", "/proc"], root=True).wait(30), 0)
        pod.write("tmp/go", "")
        frame = pod.finish()
        self.assertEqual(frame.get("outputs"), {"before": [True] * 4, "after": [True] * 4}, frame["stderr"])

    def test_counts_of_system_calls_are_those_of_the_page(self):
        said = subprocess.run([BINARY, "system-calls"], check=True, capture_output=True, text=True).stdout
        counts = re.search(r"^(\d+) allowed, (\d+) more", said, re.M).groups()
        with open(os.path.join(HERE, "../../docs/security.md")) as f:
            page = f.read()
        self.assertIn("%s calls, and %s more with certain" % counts, page)
        self.assertLess(sum(map(int, counts)), 236 + 12, "the list is longer than it was before calls were taken out of it")
        self.assertEqual(str(sum(1 for line in said.splitlines()[:-1] if "(" not in line)), counts[0])

    def test_files_are_a_volume_of_the_agents_image(self):
        pod = self.pod("import os\nroot = __file__.rsplit('/repo', 1)[0]\nprint(sorted(os.listdir(root + '/modelrun')))\n"
                       "print(os.environ.get('MODELRUN_AGENT_SOCKET'))\nresult = {'a': 1}\n", mounted=True)
        pod.start_exec()
        with self.assertRaises(subprocess.TimeoutExpired, msg="the kubelet does not wait for the agent, so `exec` does"):
            pod.exec.wait(0.3)
        pod.start_agent()
        frame = pod.finish()
        self.assertEqual(frame["outputs"], {"a": 1})
        files = "['harness.py', 'harness_errors.py', 'harness_files.py', 'harness_points.py', 'harness_standby.py', 'harness_values.py', 'modelrun-sandbox']"
        self.assertEqual(frame["stdout"]["head"], files + "\nNone\n", "nothing was installed, and the name is nothing to the model")

    def test_connection_is_closed_before_the_model_runs(self):
        pod = self.pod("import os, socket\nroot = __file__.rsplit('/repo', 1)[0]\ns = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                       "path = root + '/modelrun/.installed'\n"
                       "name = open(path).read() if os.path.exists(path) else 'modelrun-agent-' + os.path.basename(root)\nprint(name[:15])\n"
                       "try:\n    s.connect('\\0' + name)\n    print('IN')\nexcept OSError as e:\n    print(e.errno)\n")
        self.assertEqual(pod.run()["stdout"]["head"], "modelrun-agent-\n%d\n" % errno.ECONNREFUSED)

    # ---- Pipelines -------------------------------------------------------------------------------------------
    def test_pipeline(self):
        pod = self.pod({
            "run.py": "PIPELINE = ['revenue', 'expenses']\nresult = {'title': 'x'}\n",
            "model/revenue.py": "import json\nroot = __file__.rsplit('/repo', 1)[0]\nresult = {'total': 10}\n"
                                "json.dump([1, 2], open(root + '/outputs/rows.json', 'w'))\n",
            "model/expenses.py": "import json\nroot = __file__.rsplit('/repo', 1)[0]\n"
                                 "up = json.load(open(root + '/upstream/revenue/outputs.json'))\n"
                                 "outputs = {'saw': up}\n"})
        frame = pod.run()
        self.assertEqual(frame["outputs"], {"title": "x", "revenue": {"total": 10, "rows": [1, 2]},
                                            "expenses": {"saw": {"total": 10, "rows": [1, 2]}}})

    def test_pipeline_keeps_what_came_before_a_failure(self):
        pod = self.pod({"run.py": "PIPELINE = ['a', 'b', 'c']\n", "model/a.py": "result = {'x': 1}\n",
                        "model/b.py": "import sys\nsys.exit(4)\n", "model/c.py": "result = {}\n"})
        frame = pod.run()
        self.assertEqual(frame["exit"]["code"], 4)
        self.assertEqual(frame["outputs"], {"a": {"x": 1}})
        self.assertIn("ends at the model b", frame["stderr"]["head"])

    def test_broad_workload(self):
        python = os.environ.get("MODELRUN_PYTHON", "/usr/bin/python3")
        libraries = subprocess.run([python, "-I", "-c", "import numpy, pandas, openpyxl, duckdb, joblib, psutil"], capture_output=True).returncode == 0
        with open(os.path.join(HERE, "workload.py")) as f:
            pod = self.pod({"run.py": f.read()}, timeout=150, env={"MODELRUN_LANDLOCK": "required" if has_landlock() else "optional"})
        frame = pod.run(argv=[python, "-I", "-B", "-u", pod.path("modelrun/harness.py")], seconds=200)
        self.assertEqual(frame["exit"].get("code"), 0, frame["stderr"]["head"][-1500:])
        failed = {name: done for name, done in frame["outputs"].items() if done != "ok"}
        wanting = {name for name in failed if failed[name].startswith("ModuleNotFoundError")}
        self.assertEqual({n: d for n, d in failed.items() if n not in wanting}, {})
        self.assertFalse(wanting and libraries, failed)
        if not libraries:
            self.skipTest("%s has not numpy, pandas, openpyxl, duckdb, joblib and psutil (MODELRUN_PYTHON); the rest works" % python)

    def test_a_stop_gives_the_model_of_a_pipeline_its_time(self):
        pod = self.pod({"run.py": "PIPELINE = ['a', 'b']\n", "model/b.py": "print('b')\n", "model/a.py":
                        "import os, signal, sys\ndef stop(*_):\n    print('stopping')\n    sys.exit(3)\nsignal.signal(15, stop)\nprint('up')\nos.read(os.pipe()[0], 1)\n"})
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        pod.server.cancel.set()
        frame = pod.finish()
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("code"), frame["stdout"]["head"]), ("Cancelled", 3, "up\nstopping\n"))

    def test_the_failure_is_told(self):
        frame = self.pod("{}['missing']\n").run()
        self.assertEqual(frame["error"], {"reason": "NonZeroExit", "message": "KeyError: 'missing'"})
        frame = self.pod("import sys\nsys.exit(3)\n").run()
        self.assertNotIn("error", frame)
        frame = self.pod("open('%s/outputs/bad.json' % __file__.rsplit('/repo', 1)[0], 'w').write('{')\n1 / 0\n").run()
        self.assertEqual(frame["error"]["message"], "ZeroDivisionError: division by zero")
        self.assertIn("/outputs/bad.json", frame["warning"])

    def test_a_rule_of_the_sandbox_is_named(self):
        for statement, words in (("import urllib.request\nurllib.request.urlopen('http://example.org')\n", "no network"),
                                 ("import socket\nsocket.create_connection(('10.0.0.1', 80))\n", "no network"),
                                 ("open('/repo/out.csv' if __file__ == '/repo/run.py' else __file__, 'w')\n", "/outputs and /tmp")):
            with self.subTest(statement):
                err = self.pod(statement).run()["stderr"]["head"]
                self.assertIn("Traceback", err)
                self.assertIn(words, err.splitlines()[-1])

    def test_a_run_that_leaves_nothing_is_warned_of(self):
        frame = self.pod("x = 1\n").run()
        self.assertEqual((frame["exit"]["code"], "outputs" in frame, "error" in frame), (0, False, False))
        self.assertIn("left no outputs", frame["warning"])
        self.assertIn("`result` is a int", self.pod("result = 5\n").run()["warning"])
        self.assertNotIn("warning", self.pod("result = {}\n").run())
        self.assertNotIn("warning", self.pod("open('%s/outputs/t.csv' % __file__.rsplit('/repo', 1)[0], 'w')\n").run())

    # ---- What models need ------------------------------------------------------------------------------------
    def test_ordinary_programs_work(self):
        pod = self.pod("import asyncio, multiprocessing, os, subprocess, tempfile, threading, concurrent.futures as cf\n"
                       "def square(x):\n    return x * x\n"
                       "async def hello():\n    p = await asyncio.create_subprocess_exec('echo', 'hi', stdout=-1)\n"
                       "    return (await p.communicate())[0].decode()\n"
                       "if __name__ == '__main__':\n"
                       "    with multiprocessing.Pool(2) as pool:\n        squares = pool.map(square, range(4))\n"
                       "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n        spawned = pool.map(square, [5])\n"
                       "    with multiprocessing.Manager() as manager:\n        shared = manager.dict(a=1)['a']\n"
                       "    with cf.ThreadPoolExecutor(4) as pool:\n        threads = list(pool.map(square, range(4)))\n"
                       "    result = {'squares': squares, 'spawned': spawned, 'shared': shared, 'threads': threads,\n"
                       "              'sub': subprocess.check_output(['sh', '-c', 'echo a | cat']).decode(),\n"
                       "              'async': asyncio.run(hello()), 'tmp': tempfile.mkdtemp() != ''}\n", timeout=100)
        frame = pod.run(seconds=150)
        self.assertEqual(frame.get("outputs"), {"squares": [0, 1, 4, 9], "spawned": [25], "shared": 1,
                                                "threads": [0, 1, 4, 9], "sub": "a\n", "async": "hi\n", "tmp": True}, frame)
