"""A run with points (src/api/points.h): one sandbox, one process for each point. Run by tests/sandbox/run, as root (see fixture.py)."""
import json
import os
import signal
import subprocess
import time
import unittest

import sandbox_test
import standby_test
from container import Container
from fixture import UID, UUID, Pod, RunServer
from sandbox_test import has_landlock, pid_is_gone, wait_until

# What a point begins with: where the pod's directories are, and its parameters.
BEGIN = "import json, os, signal, sys, time\nROOT = __file__[:-len('repo/run.py')]\np = json.load(open(ROOT + 'inputs/parameters.json'))\n"
# Does what the parameters say, and says what it has found.
ANY = BEGIN + """
found = sorted(name + '/' + entry for name in ('outputs', 'tmp', 'upstream') for entry in os.listdir(ROOT + name))
def processes():
    return sorted(int(name) for name in os.listdir('/proc') if name.isdigit() and int(name) not in (1, os.getpid(), os.getppid()))
def harness():
    return processes()  # in scope `model`, while the point has no children
result = {'i': p['i'], 'found': found, 'parent': os.getppid(), 'processes': processes(), 'blocked': open('/proc/self/status').read().split('SigBlk:')[1].split()[0].strip('0')}
exec(p.get('do', ''))
"""


def of_points(server, what, body):
    """The run server's answers about points."""
    if what == "points":
        return 200, "\n".join([json.dumps(server.head), *map(json.dumps, server.points)]).encode(), {}
    lines = body.split(b"\n")
    head = json.loads(lines[0])
    if head["from"] <= len(server.rows):  # else rows are missing, which the answer says
        for row in lines[1:][len(server.rows) - head["from"]:]:
            server.rows.append(json.loads(row))
    server.last = server.last or head["last"]
    return 200, json.dumps({"held": len(server.rows), "stored": len(server.rows) if server.stores else 0}).encode(), {}


class PointServer(RunServer):
    def __init__(self, files, points, **head):
        super().__init__(files)
        self.points, self.rows, self.last, self.stores = points, [], False, True
        self.head = {"timeoutSeconds": 20, "failed": 0, "done": [], **head}

    def choose(self, what, body):
        if what in ("points", "rows") and not self.script.get(what):
            return of_points(self, what, body)
        return super().choose(what, body)


class PointStandbyServer(standby_test.WorkServer):
    def __init__(self, files, points, **head):
        super().__init__(files, {"points": True})
        self.points, self.rows, self.last, self.stores = points, [], False, True
        self.head = {"timeoutSeconds": 20, "failed": 0, "done": [], **head}

    def choose(self, what, body):
        if what in ("points", "rows"):
            return of_points(self, what, body)
        return super().choose(what, body)


def environments(prepare="harness", preload="", **env):
    """What the operator sets in a pod of a run with points."""
    env = {"MODELRUN_POINTS": "1", "MODELRUN_PREPARE": prepare, **env}
    if prepare == "harness":
        env["MODELRUN_PRELOAD"] = preload
    return {"env": env, "agent_env": {"MODELRUN_POINTS": "1"}}


class PointsTest(unittest.TestCase):
    maxDiff = None

    def pod(self, program, points, prepare="harness", preload="", timeout=60, env=None, **head):
        files = program if isinstance(program, dict) else {"run.py": program}
        points = [{"i": i} for i in range(points)] if isinstance(points, int) else points
        pod = Pod(sandbox_test.BINARY, files, PointServer(files, points, **head), timeout=timeout, **environments(prepare, preload, **(env or {})))
        self.addCleanup(pod.close)
        os.chown(pod.path("inputs"), UID, UID)
        os.makedirs(pod.path("dev/shm"))
        os.chown(pod.path("dev/shm"), UID, UID)
        return pod

    def rows(self, pod, argv=None, seconds=90):
        """The rows of a run that ends well, each once and in order."""
        frame = pod.run(argv, seconds)
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("code"), frame.get("error")), ("Exited", 0, None),
                         (frame, pod.text("agent.err"), pod.text("exec.err")[-2000:]))
        self.assertNotIn("rows", frame)
        self.assertEqual([row["point"] for row in pod.server.rows], sorted({row["point"] for row in pod.server.rows}))
        return pod.server.rows

    def outputs(self, pod, argv=None, seconds=90):
        rows = self.rows(pod, argv, seconds)
        self.assertEqual({row["phase"] for row in rows}, {"Succeeded"}, (rows, pod.text("exec.err")[-2000:]))
        return [row["outputs"] for row in rows]

    # ---- Good points -----------------------------------------------------------------------------------------
    def test_points_have_clean_directories_and_processes_of_their_own(self):
        pod = self.pod(BEGIN + """
print('point', p['i'], sys.stdin.read())
found = sorted(name + '/' + entry for name in ('outputs', 'tmp', 'upstream', 'dev/shm') for entry in os.listdir(ROOT + name))
for name in ('outputs', 'tmp', 'upstream'):
    open(ROOT + name + '/left.txt', 'w').write('x')
open(ROOT + 'outputs/value.json', 'w').write(str(p['i'] * 10))
state = open('/proc/self/status').read()
result = {'found': found, 'pid': os.getpid(), 'parent': os.getppid(), 'session': os.getsid(0) == os.getpid() or os.getsid(0), 'filters': int(state.split('Seccomp:')[1].split()[0]),
          'blocked': int(state.split('SigBlk:')[1].split()[0], 16), 'dumpable': os.access('/proc/self/environ', os.R_OK),
          'sockets': [fd for fd in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + fd) and 'socket' in os.readlink('/proc/self/fd/' + fd)],
          'env': sorted(n for n in os.environ if n in ('MODELRUN_PRELOAD', 'MODELRUN_PREPARE', 'MODELRUN_POINTS', 'MODELRUN_TIMEOUT_SECONDS')),
          'id': os.environ['MODELRUN_RUN_ID']}
""", 3)
        outputs = self.outputs(pod)
        for i, each in enumerate(outputs):
            self.assertEqual((each["found"], each["value"], each["filters"], each["blocked"], each["dumpable"], each["sockets"], each["env"], each["id"]),
                             ([], i * 10, 2, 0, True, [], [], UUID), each)
        self.assertEqual(len({each["pid"] for each in outputs}), 3)
        for row in pod.server.rows:
            self.assertIn("not its files: 'left.txt'", row["warning"])
            self.assertNotIn("stderr", row)
            self.assertEqual((row["exitCode"], 0 <= row["milliseconds"] < 20000), (0, True))
        frame = pod.logged_frame()
        self.assertEqual(frame["stdout"]["head"], "point 0 \npoint 1 \npoint 2 \n")
        self.assertEqual([name for name in ("outputs", "artifacts", "warning", "rows", "atPoint") if name in frame], [])
        self.assertLess(frame["exit"]["startedAt"], frame["exit"]["finishedAt"])
        self.assertIn("seccomp", frame["rings"])
        self.assertEqual((pod.exec.returncode, pod.agent.returncode, pod.server.count("points"), pod.server.count("result")), (0, 0, 1, 1))
        self.assertEqual(os.stat(pod.path("inputs/parameters.json")).st_mode & 0o777, 0o444)

    def test_a_model_is_the_child_of_pid_1(self):
        outputs = self.outputs(self.pod(ANY, 3, env={"MODELRUN_SCOPE": "model"}))
        self.assertEqual({(each["parent"], each["blocked"]) for each in outputs}, {(1, "")})
        # The harness alone: no process in between is left, nor one of an earlier point.
        self.assertEqual({len(each["processes"]) for each in outputs}, {1})
        self.assertEqual(len({each["processes"][0] for each in outputs}), 1)

    def test_what_the_entry_point_imports_is_imported_once(self):
        library = self.library({"slow.py": "import time\nprint('imported')\ntime.sleep(1)\n", "slowpack/__init__.py": "", "slowpack/part.py": "x = 1\n",
                                "optional.py": "raise ImportError('no')\n", "unused.py": "", "numpy/__init__.py": "from . import random\n",
                                "numpy/random.py": "state = 7\ndef seed():\n    global state\n    import os\n    state = os.urandom(8).hex()\n"})
        pod = self.pod({"run.py": "import sys\nbefore = sorted(n for n in sys.modules if n in ('slow', 'slowpack.part', 'numpy.random', 'unused', 'own', 'colorsys'))\n"
                        "import slow\nimport own, colorsys\nfrom slowpack import part\nimport numpy\ntry:\n    import optional\nexcept ImportError:\n    pass\n"
                        "def later():\n    import unused\n"
                        "result = {'before': before, 'path': any('harness' in p or p.endswith('modelrun') for p in sys.path), 'random': numpy.random.state, 'own': own.X}\n",
                        "own.py": "X = 1\n"}, 3, env={"MODELRUN_SCOPE": "model"})
        outputs = self.outputs(pod, self.harness_with(pod, library))
        for each in outputs:
            self.assertEqual((each["before"], each["own"], each["path"]), (["colorsys", "numpy.random", "slow", "slowpack.part"], 1, False))
        self.assertEqual(len({each["random"] for each in outputs} - {7}), 3, "every point has numbers of its own")
        self.assertEqual(pod.logged_frame()["stdout"]["head"], "imported\n")
        self.assertLess(max(row["milliseconds"] for row in pod.server.rows), 900)

    def test_a_point_ends_as_a_program_does(self):
        """Though its process does not take apart what was loaded before it."""
        def write(name):
            return "open(ROOT + 'outputs/%s.json', 'w').write('1')" % name
        for end in ("", "def leave():\n    local = open(ROOT + 'outputs/local.json', 'w')\n    local.write('1')\n    sys.exit()\nleave()\n"):
            program = BEGIN + """
import atexit, ctypes, helper, threading
class Held:
    def __del__(self):
        %s
held = Held()
held.itself = held
other = Held.__new__(Held)
late = open(ROOT + 'outputs/buffered.json', 'w')
late.write('1')
atexit.register(lambda: %s)
def slow():
    time.sleep(0.2)
    %s
threading.Thread(target=slow).start()
ctypes.CDLL(None).printf(b'printed by C')
result = {}
%s""" % (write("destroyed"), write("atexit"), write("thread"), end)
            pod = self.pod({"run.py": program, "helper.py": ""}, 2)
            names = {"destroyed", "buffered", "atexit", "thread"} | ({"local"} if end else set())
            self.assertEqual(self.outputs(pod), [dict.fromkeys(names, 1)] * 2)
            self.assertEqual(pod.logged_frame()["stdout"]["head"], "printed by C" * 2)

    def test_a_point_ends_well_whatever_it_has_changed(self):
        """As the interpreter would end, which looks at few of these things."""
        changes = [
            "sys.modules['threading'] = None", "sys.modules.clear()", "sys.modules = None", "sys.stdout = None", "del sys.stdout",
            "import io\nio.IOBase = io.FileIO = None", "import gc\ngc.collect = gc.get_objects = None", "import os\nos._exit = os.fork = None",
            "import atexit\natexit._run_exitfuncs = None", "import weakref\nweakref.ref = None", "import builtins\nbuiltins.list = builtins.vars = None",
            "import ctypes\nctypes.PyDLL = ctypes.CDLL = None", "class Odd(type):\n    def __subclasscheck__(cls, other): raise SystemExit(3)\nclass Kept(metaclass=Odd): pass\nkept = Kept()",
            "class Tee:\n    def write(self, text): pass\n    def flush(self): open(ROOT + 'outputs/flushed.json', 'w').write('1')\nsys.stdout = Tee()",
        ]  # fmt: skip
        ends = {"": 0, "raise SystemExit(3)": 3, "raise SystemExit(1 << 70)": 255, "raise SystemExit(-1)": 255, "raise SystemExit('words')": 1}
        for change in changes:
            rows = self.rows(self.pod(BEGIN + "late = open(ROOT + 'outputs/late.json', 'w')\nlate.write('1')\n" + change + "\n", 1))
            self.assertEqual([(row["phase"], row.get("exitCode")) for row in rows], [("Succeeded", 0)], change)
            self.assertEqual(rows[0]["outputs"], {"late": 1} | ({"flushed": 1} if "Tee" in change else {}), change)
        for end, code in ends.items():
            rows = self.rows(self.pod(BEGIN + end + "\n", 1))
            self.assertEqual(rows[0].get("exitCode"), code, end)

    def test_a_file_that_is_compiled_for_all_still_warns_and_fails_in_each(self):
        warns = "import sys, warnings\nresult = {'same': 1 is 1}\n"
        pod = self.pod(warns, 2)
        self.assertEqual([each["same"] for each in self.outputs(pod)], [True, True])
        self.assertEqual(pod.logged_frame()["stderr"]["head"].count("SyntaxWarning"), 2)
        rows = self.rows(self.pod("x = (\n", 2))
        self.assertEqual([row["phase"] for row in rows], ["Failed", "Failed"])
        for row in rows:
            self.assertIn("was never closed", json.dumps(row))

    def test_random_numbers_differ(self):
        outputs = self.outputs(self.pod("import random\nimport uuid, tempfile\nresult = {'n': random.random(), 'u': str(uuid.uuid4()), 't': tempfile.mktemp()}\n", 4))
        for name in ("n", "u", "t"):
            self.assertEqual(len({each[name] for each in outputs}), 4)

    def test_modules_of_the_repository_win(self):
        files = {"run.py": "import sys\nbefore = 'wave' in sys.modules\nimport colorsys, wave\nresult = {'before': before, 'mine': [hasattr(m, 'MINE') for m in (colorsys, wave)]}\n",
                 "colorsys.py": "MINE = 1\n"}
        # The others are imported once all the same.
        self.assertEqual(self.outputs(self.pod(files, 2)), [{"before": True, "mine": [True, False]}] * 2)
        self.assertEqual(self.outputs(self.pod(files, 2, preload="colorsys")), [{"before": True, "mine": [True, False]}] * 2)
        # What the image's module imports is the repository's, too.
        files = {"run.py": "import helper\nresult = {'who': helper.inner.WHO}\n", "inner.py": "WHO = 'repository'\n"}
        pod = self.pod(files, 2)
        library = self.library({"helper.py": "import inner\n", "inner.py": "WHO = 'image'\n"})
        rows = self.rows(pod, self.harness_with(pod, library))
        # Started anew the harness of this test has lost the library, so the import fails; in no case is it the image's.
        self.assertEqual([row["phase"] for row in rows], ["Failed"] * 2)
        self.assertNotIn("image", [row.get("outputs", {}).get("who") for row in rows])

    def test_an_import_that_changes_the_path_is_left_to_the_points(self):
        pod = self.pod("import pathy\n", 2)
        library = self.library({"pathy.py": "import sys\nsys.path.append('/nowhere')\n"})
        # Started anew the harness of this test has lost the library: so it can be seen that it was.
        rows = self.rows(pod, self.harness_with(pod, library))
        self.assertEqual([row["message"] for row in rows], ["the model exited with code 1: ModuleNotFoundError: No module named 'pathy'"] * 2)

    def test_an_import_that_ends_the_process_is_the_points_end(self):
        library = self.library({"deadly.py": "import os\nos._exit(3)\n"})
        pod = self.pod("import deadly\nresult = {}\n", 2)
        rows = self.rows(pod, self.harness_with(pod, library))
        self.assertEqual([(row["phase"], row["exitCode"]) for row in rows], [("Failed", 3)] * 2)

    def test_pipeline_in_points(self):
        files = {"run.py": BEGIN + "PIPELINE = ['a', 'b']\nresult = {'r': p['i']}\n",
                 "model/a.py": "import json, sys\nimport colorsys\nroot = __file__[:-len('repo/model/a.py')]\np = json.load(open(root + 'inputs/parameters.json'))\nresult = {'a': p['i'] + 1}\n",
                 "model/b.py": "import json, sys\nroot = __file__[:-len('repo/model/b.py')]\nbefore = 'colorsys' in sys.modules\n"
                               "up = json.load(open(root + 'upstream/a/outputs.json'))\nresult = {'b': up['a'] * 10, 'before': before}\n"}
        outputs = self.outputs(self.pod(files, 3))
        self.assertEqual(outputs, [{"r": i, "a": {"a": i + 1}, "b": {"b": (i + 1) * 10, "before": True}} for i in range(3)])

    def test_another_language(self):
        pod = self.pod({"run.sh": "root=$(dirname $0)/..\nls $root/tmp | wc -l > $root/outputs/n.json\ncp $root/inputs/parameters.json $root/outputs/p.json\ntouch $root/tmp/left\n"
                        "echo out; test ! $(cat $root/inputs/parameters.json | tr -dc 0-9) = 1 || exit 9\n"}, 3, prepare="nothing")
        rows = self.rows(pod, ["/bin/sh", pod.path("repo/run.sh")])
        self.assertEqual([(row["phase"], row["outputs"]) for row in rows],
                         [("Failed" if i == 1 else "Succeeded", {"n": 0, "p": {"i": i}}) for i in range(3)])
        self.assertEqual(pod.logged_frame()["stdout"]["head"], "out\n" * 3)

    def test_a_program_that_is_not_there(self):
        pod = self.pod({"run.sh": ""}, 3, prepare="nothing")
        frame = pod.run(["/no/such/program"])
        self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), ("NotStarted", "SandboxSetupFailed"))
        self.assertIn("/no/such/program", frame["error"]["message"])

    def test_points_in_a_standby(self):
        files = {"run.py": BEGIN + "before = 'colorsys' in sys.modules\nimport wave\nresult = {'i': p['i'], 'before': before, 'wave': 'wave' in sys.modules, 'id': os.environ['MODELRUN_RUN_ID']}\n"}
        pod = standby_test.Standby(files, preload="colorsys")
        self.addCleanup(pod.close)
        pod.server.close()
        pod.server = PointStandbyServer(files, [{"i": i} for i in range(3)])
        frame = pod.run_warm()
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("code"), frame["runUid"]), ("Exited", 0, UUID), pod.text("exec.err") + pod.text("agent.err"))
        self.assertEqual([row["outputs"] for row in pod.server.rows], [{"i": i, "before": True, "wave": True, "id": UUID} for i in range(3)])

    def test_points_of_another_language_in_a_standby(self):
        files = {"run.sh": "cp $(dirname $0)/../inputs/parameters.json $(dirname $0)/../outputs/p.json\n"}
        pod = standby_test.Standby(files, prepare="nothing")
        self.addCleanup(pod.close)
        pod.server.close()
        pod.server = PointStandbyServer(files, [{"i": i} for i in range(2)])
        frame = pod.run_warm(["/bin/sh", pod.path("repo/$(ENTRYPOINT)")], entryPoint="run.sh")
        self.assertEqual(frame["exit"]["how"], "Exited", frame)
        self.assertEqual([row["outputs"] for row in pod.server.rows], [{"p": {"i": i}} for i in range(2)])

    # ---- Bad points ------------------------------------------------------------------------------------------
    def bad_points(self, cases, seconds):
        """Executes each of `cases` and a good point after it. Returns all rows, and the pod."""
        points = []
        for i, (do, _, _) in enumerate(cases):
            points += [{"i": 2 * i, "do": do}, {"i": 2 * i + 1, "do": "result['processors'] = len(os.sched_getaffinity(0))"}]
        pod = self.pod(ANY, points, timeout=400, env={"MODELRUN_SCOPE": "model"}, timeoutSeconds=seconds)
        rows = self.rows(pod, seconds=300)
        self.assertEqual(len(rows), len(points))
        for i, (do, verdict, words) in enumerate(cases):
            bad, good = rows[2 * i], rows[2 * i + 1]
            self.assertEqual("%s %s %d" % (bad["phase"], bad.get("reason", ""), bad["exitCode"]), verdict, (do, bad))
            self.assertIn(words, bad.get("message", ""), do)
            # What comes after it has nothing of it.
            self.assertEqual((good["phase"], good["outputs"]["found"], good["outputs"]["parent"], len(good["outputs"]["processes"])), ("Succeeded", [], 1, 1), (do, good))
            self.assertEqual(good["outputs"]["processors"], len(os.sched_getaffinity(0)), do)
        return rows, pod

    def test_points_that_hang_meet_their_own_time(self):
        self.bad_points([
            ("time.sleep(600)", "TimedOut Timeout 143", "longer than 4 s"),
            ("signal.signal(15, signal.SIG_IGN); time.sleep(600)", "TimedOut Timeout 137", "longer than 4 s"),
            ("os.kill(os.getpid(), 19)", "TimedOut Timeout 137", "longer than 4 s"),
        ], seconds=4)

    def test_bad_points_end_by_themselves(self):
        rows, pod = self.bad_points([
            ("raise ValueError('no such growth')", "Failed NonZeroExit 1", "the model exited with code 1: ValueError: no such growth"),
            ("print('why', file=sys.stderr); sys.exit(3)", "Failed NonZeroExit 3", "see stderr"),
            ("os._exit(66)", "Failed NonZeroExit 66", "code 66"),
            ("os.kill(os.getpid(), 9)", "Failed Signaled 137", "the model was killed by SIGKILL"),
            ("os.kill(os.getpid(), 11)", "Failed Signaled 139", "SIGSEGV"),
            ("[print('x' * 99999) for _ in range(100)]", "Succeeded  0", ""),
            ("open(ROOT + 'outputs/bad.json', 'w').write('{')", "Failed OutputsInvalid 0", "bad.json"),
            ("open(ROOT + 'outputs/large.json', 'w').write('\"' + 'x' * 20000 + '\"')", "Failed OutputsTooLarge 0", ""),
            ("os.makedirs(ROOT + 'tmp/a/b/c'); os.chmod(ROOT + 'tmp/a/b', 0); os.chmod(ROOT + 'tmp/a', 0); os.chmod(ROOT + 'tmp', 0); os.chmod(ROOT + 'upstream', 0o500)",
             "Succeeded  0", ""),
            ("[(os.mkdir('d'), os.chdir('d')) for _ in range(5000) if _ or not os.chdir(ROOT + 'outputs')]", "Succeeded  0", ""),
            ("[open(ROOT + 'tmp/%d' % i, 'w').close() for i in range(20000)]", "Succeeded  0", ""),
            ("os.symlink('/', ROOT + 'tmp/root'); os.symlink(ROOT + 'repo', ROOT + 'outputs/repo')", "Succeeded  0", ""),
            ("[os.kill(pid, 9) for pid in harness()]", "Succeeded  0", ""),
            ("[os.kill(pid, 19) for pid in harness()]", "Succeeded  0", ""),
            ("[os.kill(pid, n) for pid in harness() for n in range(1, 65) if n not in (9, 19, 32, 33)]", "Succeeded  0", ""),
            ("[os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))}) for pid in harness()]", "Succeeded  0", ""),
            ("r, w = os.pipe()\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\n    signal.signal(15, signal.SIG_IGN)\n    os.write(w, b'x')\n    time.sleep(600)\n"
             "os.read(r, 1), os.read(r, 1)", "Succeeded  0", ""),
            ("[os.kill(pid, 9) for pid in harness()]; os.kill(os.getpid(), 9)", "Failed Signaled 137", ""),
        ], seconds=120)
        self.assertEqual(rows[2]["stderr"], "why\n")
        self.assertTrue(rows[0]["stderr"].endswith("ValueError: no such growth\n"), rows[0])
        self.assertNotIn("stderr", rows[-1])
        self.assertEqual(pod.logged_frame()["stdout"]["totalBytes"], 100 * 100_000)

    def test_a_fork_bomb_ends_with_its_point(self):
        bomb = "signal.signal(15, signal.SIG_IGN)\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
        pod = self.pod(ANY, [{"i": 0, "do": bomb}, {"i": 1}, {"i": 2}], timeout=120, env={"MODELRUN_SCOPE": "model"}, timeoutSeconds=2)
        rows = self.rows(pod, seconds=120)
        self.assertEqual([row["phase"] for row in rows], ["TimedOut", "Succeeded", "Succeeded"], rows)
        self.assertEqual({len(row["outputs"]["processes"]) for row in rows[1:]}, {1})

    def test_memory_that_runs_out_ends_the_point(self):
        group = "/sys/fs/cgroup/memory/modelrun-points-%d" % os.getpid()
        try:
            os.mkdir(group)
            self.addCleanup(lambda: wait_until(lambda: not self.remove(group)))
            with open(group + "/memory.limit_in_bytes", "w") as f:
                f.write(str(96 << 20))
        except OSError:
            self.skipTest("no memory cgroup (v1) can be made here")
        pod = self.pod(ANY, [{"i": 0}, {"i": 1, "do": "x = b'x' * (1 << 29)"}, {"i": 2}], env={"MODELRUN_SCOPE": "model"})
        start = pod.start
        into = ["sh", "-c", 'echo $$ > %s/cgroup.procs; exec "$@"' % group, "into"]
        pod.start = lambda arguments, env, name, prefix, stdout=None: start(arguments, env, name, [*(into if name == "exec" else []), *prefix], stdout)
        rows = self.rows(pod)
        self.assertEqual([(row["phase"], row.get("reason")) for row in rows], [("Succeeded", None), ("Failed", "OOMKilled"), ("Succeeded", None)], rows)
        self.assertIn("raise spec.runtime.resources.limits.memory", rows[1]["message"])
        self.assertEqual(rows[2]["outputs"]["found"], [])

    @staticmethod
    def remove(group):
        try:
            os.rmdir(group)
            return False
        except OSError:
            return os.path.exists(group)

    @unittest.skipUnless(has_landlock(), "this kernel has no Landlock")
    def test_shared_memory_is_emptied(self):
        program = "import json, os\np = json.load(open('/inputs/parameters.json'))\nfound = {name: os.listdir(name) for name in ('/dev/shm', '/tmp', '/outputs', '/upstream')}\n" \
                  "for name in found:\n    os.makedirs(name + '/x/y')\n    open(name + '/x/z', 'w').write('z')\n    os.chmod(name + '/x', 0)\nresult = {'found': found}\n"
        files = {"run.py": program}
        pod = Container(sandbox_test.BINARY, files, server=PointServer(files, [{"i": i} for i in range(3)]), **environments())
        self.addCleanup(pod.close)
        os.chown(pod.path("inputs"), UID, UID)
        outputs = self.outputs(pod)
        self.assertEqual(outputs, [{"found": {name: [] for name in ("/dev/shm", "/tmp", "/outputs", "/upstream")}}] * 3)

    # ---- Attacks ---------------------------------------------------------------------------------------------
    def test_a_point_cannot_reach_the_harness(self):
        attack = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def ask(call, *arguments):
    try:
        call(*arguments)
        return 'ok'
    except OSError as e:
        return e.errno
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), 'no')
h, = harness()
one = ctypes.create_string_buffer(16)
vector = (ctypes.c_uint64 * 2)(ctypes.addressof(one), 16)
result = {'read': {n: ask(open, '/proc/%d/%s' % (h, n)) for n in ('mem', 'environ', 'maps', 'auxv')},
          'write': {n: ask(lambda n: os.close(os.open('/proc/%d/%s' % (h, n), os.O_WRONLY)), n) for n in ('mem', 'oom_score_adj', 'comm')},
          'fd': ask(os.listdir, '/proc/%d/fd' % h), 'socket': ask(os.open, '/proc/%d/fd/0' % h, os.O_RDWR), 'stdin': os.readlink('/proc/self/fd/0'),
          'ptrace': ask(call, 101, 16, h, 0, 0), 'process_vm_readv': ask(call, 310, h, vector, 1, vector, 1, 0), 'process_vm_writev': ask(call, 311, h, vector, 1, vector, 1, 0),
          'pidfd_getfd': ask(call, 438, os.pidfd_open(h), 0, 0), 'prlimit': ask(call, 302, h, 7, vector, None), 'kill 1': ask(os.kill, 1, 9), 'setpgid': ask(os.setpgid, h, 0)}
# Say that a point has ended, in every voice that there is.
for text in (b'point\\n', b'2\\n', b'go\\n', b'ready\\n', b'E{"how":"Exited","code":0}', b'X{"how":"Exited","code":0}', b'MODELRUN-RESULT 1/1 AAAA\\n'):
    for fd in (0, 1, 2):
        try:
            os.write(fd, text)
        except OSError:
            pass
if p['i'] == 1:
    sys.exit(7)
"""
        pod = self.pod(ANY, [{"i": i, "do": attack} for i in range(3)], env={"MODELRUN_SCOPE": "model"})
        rows = self.rows(pod)
        self.assertEqual([(row["phase"], row["exitCode"]) for row in rows], [("Succeeded", 0), ("Failed", 7), ("Succeeded", 0)], rows)
        got = rows[0]["outputs"]
        allowed = [(name, each) for name, each in got.items() if each == "ok" or isinstance(each, dict) and "ok" in each.values()]
        self.assertEqual(allowed, [], got)
        self.assertEqual(got["stdin"], "/dev/null")

    # ---- The run server --------------------------------------------------------------------------------------
    def test_rows_arrive_though_the_run_server_is_away(self):
        pod = self.pod(ANY, 40)
        pod.server.script["points"] = [(503, b"not the leader"), (429, b"")]
        pod.server.script["rows"] = [(503, b"not the leader"), (500, b""), (429, b"busy"), (504, b"")]
        rows = self.rows(pod)
        self.assertEqual([row["outputs"]["i"] for row in rows], list(range(40)))
        self.assertEqual(pod.server.count("points"), 3)
        self.assertLess(pod.server.count("rows"), 40, "rows go together")

    def test_a_restarted_run_server_gets_what_it_has_lost(self):
        pod = self.pod(BEGIN + "result = {'i': p['i']}\nwhile p['i'] == 5 and not os.path.exists(ROOT + 'inputs/go'): time.sleep(0.01)\n", 10)
        pod.server.stores = False
        pod.start_agent().await_installed().start_exec()
        self.assertTrue(pod.server.wait(lambda: len(pod.server.rows) == 5))
        with pod.server.changed:
            pod.server.rows, pod.server.stores = [], True
        pod.write("inputs/go", "")
        frame = pod.finish()
        self.assertEqual(frame["exit"]["how"], "Exited")
        # What it holds no longer is not stored either: all of it is sent again from where it says.
        self.assertEqual([row["point"] for row in pod.server.rows], list(range(10)))

    def test_rows_that_are_not_stored_go_with_the_frame(self):
        pod = self.pod("result = {}\n", 3)
        pod.server.script["rows"] = [(403, b'{"message":"not your run"}')]
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), ("Exited", "Internal"))
        self.assertIn("not your run", frame["error"]["message"])
        rows = [json.loads(row) for row in frame["rows"]]
        self.assertEqual([row["point"] for row in rows], list(range(len(rows))))
        self.assertGreaterEqual(len(rows), 1)
        self.assertEqual(pod.server.count("rows"), 1)

    def test_points_that_are_done_are_left_out(self):
        pod = self.pod(ANY, 10, done=[[0, 3], [5, 7]])
        self.assertEqual([row["point"] for row in self.rows(pod)], [4, 8, 9])

    def test_stops_when_too_many_have_failed(self):
        pod = self.pod("1 / 0\n", 10, maxFailed=2, failed=1)
        self.assertEqual([row["point"] for row in self.rows(pod)], [0, 1])

    def test_points_that_cannot_be_had(self):
        for status, body, how in ((403, b"no", "NotStarted"), (409, b"over", "NotStarted"), (200, b"{}\n{}", "NotStarted")):
            with self.subTest(status):
                pod = self.pod(ANY, 1)
                pod.server.script["points"] = [(status, body)]
                frame = pod.run()
                self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), (how, "SandboxSetupFailed"))

    def test_an_attempt_that_is_over_ends(self):
        pod = self.pod(BEGIN + "result = {}\nif p['i'] == 1: time.sleep(600)\n", 3)
        pod.server.script["rows"] = [(409, b"over")]
        frame = pod.run()
        # Whether the answer or the next point comes first is chance; either way nothing goes on.
        self.assertIn(frame["exit"]["how"], ("Cancelled", "Exited"))
        self.assertEqual(pod.server.count("rows"), 1)

    # ---- The end of the run ----------------------------------------------------------------------------------
    def test_cancel_in_the_middle(self):
        pod = self.pod(BEGIN + "result = {}\nprint('up', p['i'])\nif p['i'] == 2: time.sleep(600)\n", 5)
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up 2\n")
        pod.server.cancel.set()
        frame = pod.finish()
        self.assertEqual((frame["exit"]["how"], frame["exit"]["signal"]), ("Cancelled", 15))
        self.assertEqual([row["point"] for row in pod.server.rows], [0, 1])
        self.assertNotIn("atPoint", frame)

    def test_the_time_of_the_run_passes_in_the_middle(self):
        pod = self.pod(BEGIN + "result = {}\nif p['i'] == 2: time.sleep(600)\n", 5, timeout=6)
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["exit"]["signal"]), ("TimedOut", 15))
        self.assertEqual([row["point"] for row in pod.server.rows], [0, 1])

    def test_term_in_the_middle(self):
        pod = self.pod(BEGIN + "result = {}\nprint('up', p['i'])\nif p['i'] == 1: time.sleep(600)\n", 5)
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up 1\n")
        os.kill(pod.agent.pid, signal.SIGTERM)
        os.kill(pod.exec_pid(), signal.SIGTERM)
        frame = pod.finish()
        self.assertEqual(frame["exit"]["how"], "Terminated")
        self.assertEqual([row["point"] for row in pod.server.rows], [0])

    def test_a_lost_sandbox_names_its_point(self):
        pod = self.pod(BEGIN + "result = {}\nprint('up', p['i'])\nif p['i'] == 2: time.sleep(600)\n", 5)
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up 2\n")
        os.kill(pod.exec_pid(), signal.SIGKILL)
        frame = pod.finish()
        self.assertEqual((frame["exit"]["how"], frame["atPoint"]), ("Lost", 2))
        self.assertEqual([row["point"] for row in pod.server.rows], [0, 1])

    def test_a_lost_agent_ends_all(self):
        pod = self.pod(BEGIN + "print('up')\ntime.sleep(600)\n", 2)
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        with open("/proc/%d/task/%d/children" % (pod.exec_pid(), pod.exec_pid())) as f:
            processes = [int(pid) for pid in f.read().split()]
        self.assertEqual(len(processes), 2, "the harness and the point")
        pod.agent.kill()
        self.assertEqual(pod.exec.wait(10), 125)
        self.assertTrue(all(map(pid_is_gone, processes)))

    def test_a_pod_without_a_way_to_prepare_is_refused(self):
        pod = self.pod(ANY, 1)
        pod.env.update({"MODELRUN_PREPARE": ""})
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), ("NotStarted", "SandboxSetupFailed"))
        self.assertIn("MODELRUN_PREPARE", frame["error"]["message"])

    # ---- What it costs ---------------------------------------------------------------------------------------
    def test_one_more_point_costs_little(self):
        pod = self.pod("result = {}\n", 200, timeout=120)
        begun = time.monotonic()
        self.assertEqual(len(self.rows(pod, seconds=150)), 200)
        spent = time.monotonic() - begun
        print("  200 points: %.1f s" % spent, flush=True)
        self.assertLess(spent, 60)

    def library(self, files):
        """A directory of modules that the model's user may read."""
        directory = subprocess.run(["mktemp", "-d", "/tmp/modelrun-library-XXXXXX"], capture_output=True, text=True, check=True).stdout.strip()
        self.addCleanup(subprocess.run, ["rm", "-rf", directory])
        for name, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(directory, name)), exist_ok=True)
            with open(os.path.join(directory, name), "w") as f:
                f.write(text)
        subprocess.run(["chmod", "-R", "a+rX", directory], check=True)
        return directory

    @staticmethod
    def harness_with(pod, library):
        """-I keeps PYTHONPATH out, so the image has the library by a path that is added before the harness."""
        return ["/usr/bin/env", "python3", "-I", "-B", "-u", "-c", "import sys, runpy\nsys.path.append(%r)\nsys.argv = [%r]\nrunpy.run_path(sys.argv[0], run_name='__main__')"
                % (library, pod.path("modelrun/harness.py"))]
