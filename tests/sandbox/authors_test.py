"""What an author of models may take for granted: each entry point finds what `python3 FILE` would find, and ordinary names and
files do no harm. harness.py alone; run by tests/sandbox/run."""
import os
import signal
import subprocess
import unittest

from harness_case import PYTHON, HarnessCase

# What a program can leave behind in its interpreter or process, and what the next one prints when it found nothing of it.
LEFT = {
    "working directory": ("os.chdir('/')", "os.getcwd()"),
    "environment": ("os.environ['LEFT'] = '1'", "os.environ.get('LEFT')"),
    "umask": ("os.umask(0o123)", "os.umask(0)"),
    "modules": ("import utils", "__import__('utils').NAME"),
    "path": ("sys.path.append('/left')", "'/left' in sys.path"),
    "log handlers": ("logging.basicConfig(filename=os.devnull)", "logging.getLogger().handlers"),
    "warning filters": ("warnings.simplefilter('error')", "warnings.filters[0][0]"),
    "standard output": ("sys.stdout = io.StringIO()", "type(sys.stdout).__name__"),
    "closed descriptors": ("os.close(0)", "os.fstat(0).st_rdev"),
    "signal handler": ("signal.signal(signal.SIGUSR1, signal.SIG_IGN)", "signal.getsignal(signal.SIGUSR1).name"),
    "blocked signals": ("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])", "signal.pthread_sigmask(signal.SIG_BLOCK, [])"),
    "pending alarm": ("signal.alarm(3600)", "signal.alarm(0)"),
    "random seed": ("random.seed(1)", "random.random() == random.Random(1).random()"),
    "decimal context": ("decimal.getcontext().prec = 3", "decimal.getcontext().prec"),
    "garbage collector": ("gc.disable()", "gc.isenabled()"),
    "locale": ("locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')", "locale.setlocale(locale.LC_NUMERIC)"),
    "time zone": ("os.environ['TZ'] = 'Asia/Tokyo'\ntime.tzset()", "time.localtime(0).tm_hour"),
    "threads": ("threading.Thread(target=threading.Event().wait, daemon=True).start()", "threading.active_count()"),
    "builtins": ("builtins.len = lambda x: -1", "len('')"),
    "patched module": ("json.dumps = lambda x: 'left'", "json.dumps(1)"),
    "limits": ("resource.setrlimit(resource.RLIMIT_NOFILE, (17, 17))", "resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 17"),
    "niceness": ("os.nice(1)", "os.nice(0)"),
    "trace": ("sys.settrace(lambda *a: None)", "sys.gettrace()"),
    "recursion limit": ("sys.setrecursionlimit(500)", "sys.getrecursionlimit()"),
    "hooks": ("sys.excepthook = print\natexit.register(lambda: None)", "atexit._ncallbacks()"),
    "import hooks": ("sys.meta_path.clear()", "len(sys.meta_path)"),
    "context variable": ("contextvars.ContextVar('x').set(1)", "len(list(contextvars.copy_context()))"),
    "event loop": ("asyncio.set_event_loop(asyncio.new_event_loop())", "threading.active_count()"),
    "multiprocessing": ("multiprocessing.set_start_method('spawn')", "multiprocessing.get_start_method(allow_none=True)"),
}
IMPORTS = ("import asyncio, atexit, builtins, contextvars, decimal, gc, io, json, locale, logging, multiprocessing, os, random, resource, signal, sys,"
           " threading, time, warnings\n")


class ProcessesTest(HarnessCase):
    def test_a_model_finds_nothing_of_what_ran_before(self):
        for name, (leave, find) in LEFT.items():
            with self.subTest(name):
                files = {"utils.py": "NAME = 'root'\n", "model/utils.py": "NAME = 'model'\n", "model/a.py": IMPORTS + leave + "\n",
                         "model/b.py": IMPORTS + "sys.stderr.write('found %r' % (" + find + ",))\n"}
                done = self.run_entry("PIPELINE = ['a', 'b']\n" + IMPORTS + leave + "\n", files=files)
                plain = subprocess.run([PYTHON, "-B", "-u", os.path.join(self.root, "repo/model/b.py")], env={"PATH": os.environ["PATH"]},
                                       cwd=os.path.join(self.root, "repo"), capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, plain.stderr))

    def test_a_pool_of_a_model_knows_the_models_own_classes(self):
        for method in ("spawn", "forkserver", "fork"):
            with self.subTest(method):
                done = self.run_entry("PIPELINE = ['a']\nimport multiprocessing\nmultiprocessing.get_context('%s').Pool(1).close()\n" % method, files={
                    "model/a.py": "import multiprocessing\nclass Point:\n    def __init__(self, x):\n        self.x = x\n"
                                  "if __name__ == '__main__':\n    with multiprocessing.get_context('%s').Pool(1) as pool:\n"
                                  "        result = {'x': pool.map(Point, [5])[0].x}\n" % method})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.read("result.json")["models"], {"a": {"x": 5}})

    def test_globals_are_those_of_plain_python(self):
        text = "for n, v in sorted(globals().items()):\n    n[:2] == '__' and print(n, type(v).__name__)\n"
        ours = self.run_entry(text, "model/m.py", "model")
        plain = subprocess.run([PYTHON, os.path.join(self.root, "repo/model/m.py")], capture_output=True, text=True, timeout=60)
        wanted = [line for line in plain.stdout.splitlines() if not line.startswith("__annotations__")]  # made when they are looked up
        self.assertEqual(ours.stdout.splitlines(), wanted)

    def test_a_model_ends_before_the_next_begins(self):
        done = self.run_entry("PIPELINE = ['a', 'b']\nimport atexit\natexit.register(print, 'run ends')\n", files={
            "model/a.py": "import atexit, threading, time\natexit.register(print, 'a ends')\n"
                          "threading.Thread(target=lambda: (threading.main_thread().join(), print('thread of a'))).start()\n",
            "model/b.py": "print('b')\n"})
        self.assertEqual(done.stdout.splitlines(), ["run ends", "thread of a", "a ends", "b"])

    def test_a_file_written_at_exit_is_the_models(self):
        self.run_entry("PIPELINE = ['a', 'b']\n", files={
            "model/a.py": "import atexit\natexit.register(lambda: open('@/outputs/late.json', 'w').write('1'))\n",
            "model/b.py": "import json\nresult = json.load(open('@/upstream/a/outputs.json'))\n"})
        self.assertEqual(self.read("result.json")["models"], {"a": {}, "b": {"late": 1}})

    def test_the_run_ends_as_the_model_that_fails(self):
        for statement, code in (("sys.exit(4)", 4), ("sys.exit('no')", 1), ("1 / 0", 1), ("os._exit(7)", 7), ("os.abort()", -signal.SIGABRT),
                                ("os.kill(os.getpid(), 9)", -signal.SIGKILL), ("raise KeyboardInterrupt", -signal.SIGINT),
                                ("os.kill(os.getpid(), 15)", -signal.SIGTERM), ("os.kill(os.getpid(), 11)", -signal.SIGSEGV)):
            for place in ("run.py", "model/b.py"):
                with self.subTest((statement, place)):
                    files = {"model/a.py": "result = {'v': 1}\n", "model/b.py": "", "model/c.py": "print('c')\n"}
                    if place != "run.py":
                        files[place] = "import os, sys\n%s\n" % statement
                    done = self.run_entry("import os, sys\nPIPELINE = ['a', 'b', 'c']\n%s\n" % (statement if place == "run.py" else ""), files=files)
                    self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)

    def test_a_model_that_ends_with_zero_is_not_the_end_of_the_pipeline(self):
        done = self.run_entry("PIPELINE = ['a', 'b']\n", files={"model/a.py": "import os\nos._exit(0)\n", "model/b.py": "result = {'b': 1}\n"})
        self.assertEqual((done.returncode, self.read("result.json")["models"]), (0, {"b": {"b": 1}}))

    def test_a_stop_reaches_the_model_and_no_other_is_started(self):
        for handler in ("", "import signal, sys\nsignal.signal(15, lambda *_: sys.exit(0))\n"):
            with self.subTest(handler):
                self.write("repo/run.py", "PIPELINE = ['a', 'b']\n")
                self.write("repo/model/a.py", "import os\n%sopen(%r, 'w').write('1')\nprint('up', flush=True)\nos.read(os.pipe()[0], 1)\n" %
                           (handler, self.root + "/outputs/part.json"))
                self.write("repo/model/b.py", "print('b')\n")
                with subprocess.Popen([PYTHON, "-I", "-B", "-u", os.path.join(self.root, "modelrun/harness.py")], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, cwd=self.root + "/repo", env={"PATH": os.environ["PATH"]}) as process:
                    self.assertEqual(process.stdout.readline(), b"up\n")
                    with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as f:
                        model = int(f.read())
                    os.kill(process.pid, signal.SIGTERM)  # as kill(-1) does: the parent and the model
                    os.kill(model, signal.SIGTERM)
                    rest, _ = process.communicate(timeout=60)
                self.assertEqual((rest, process.returncode), (b"", -signal.SIGTERM))
                self.assertTrue(os.path.exists(self.root + "/outputs/.modelrun/models/a/part.json"))

    def test_signals_to_its_group_are_the_models_own(self):
        done = self.run_entry("PIPELINE = ['a', 'b']\n", files={
            "model/a.py": "import os, signal\nsignal.signal(15, lambda *_: None)\nos.killpg(0, 15)\n", "model/b.py": "print('b')\n"})
        self.assertEqual((done.returncode, done.stdout), (0, "b\n"), done.stderr)

    def test_a_child_of_the_model_that_fails_leaves_no_message(self):
        self.run_entry("import os\npid = os.fork()\nif pid == 0: raise KeyError('child')\nos.waitpid(pid, 0)\nresult = {}\n")
        self.assertIsNone(self.read("error.json"))


class FilesTest(HarnessCase):
    def test_run_and_a_model_write_the_same_name_and_both_are_kept(self):
        done = self.run_entry("PIPELINE = ['a', 'b']\nopen('@/outputs/summary.json', 'w').write('1')\n", files={
            "model/a.py": "open('@/outputs/summary.json', 'w').write('2')\n",
            "model/b.py": "import os\nwas = open('@/outputs/summary.json').read()\nopen('@/outputs/new', 'w').write('3')\n"
                          "os.replace('@/outputs/new', '@/outputs/summary.json')\nresult = {'was': was}\n"})
        self.assertEqual((done.returncode, self.message()), (0, None), done.stderr)
        self.assertEqual(self.outputs("summary.json"), "1")
        self.assertEqual(self.outputs(".modelrun/models/a/summary.json"), "2")
        self.assertEqual(self.outputs(".modelrun/models/b/summary.json"), "3")
        self.assertEqual(self.read("result.json")["models"]["b"], {"was": "1"})

    def test_a_file_that_is_written_twice_is_refused_by_name(self):
        write = "open('@/outputs/sub/table.csv', '%s').write('%s')\n"
        make = "import os\nos.makedirs('@/outputs/sub', exist_ok=True)\n"
        for mode in ("w", "a"):
            for first in ("run.py", "model/a.py"):
                with self.subTest((mode, first)):
                    files = {"model/a.py": make + write % ("w", "1") if first == "model/a.py" else "", "model/b.py": write % (mode, "2")}
                    self.run_entry("PIPELINE = ['a', 'b']\n" + (make + write % ("w", "1") if first == "run.py" else ""), files=files)
                    self.assertIn("/outputs/sub/table.csv was written by %s and written again by model/b.py" % first, self.message())
                    os.unlink(self.root + "/outputs/.modelrun/error.json")
                    os.unlink(self.root + "/outputs/sub/table.csv")

    def test_a_file_that_is_only_read_is_no_conflict(self):
        self.run_entry("PIPELINE = ['a', 'b']\nopen('@/outputs/t.csv', 'w').write('1')\n", files={
            "model/a.py": "open('@/outputs/t.csv').read()\n", "model/b.py": "import os\nos.chmod('@/outputs/t.csv', 0o600)\n"})
        self.assertIsNone(self.message())

    def test_json_of_a_model_is_read_as_that_of_a_single_run(self):
        self.run_entry("PIPELINE = ['a', 'b']\n", files={
            "model/a.py": "open('@/outputs/f.json', 'wb').write(b'\\xef\\xbb\\xbf{\"x\": 1}')\n",
            "model/b.py": "import json\nresult = json.load(open('@/upstream/a/outputs.json'))\n"})
        self.assertIsNone(self.message())
        self.assertEqual(self.read("result.json")["models"]["b"], {"f": {"x": 1}})


class NamesTest(HarnessCase):
    def test_what_is_no_dict_is_no_output(self):
        for text in ("import pathlib\noutputs = pathlib.Path('/outputs')\n", "import subprocess\nresult = subprocess.run(['true'])\n", "result = 5\n",
                     "result = [1]\n", "outputs = []\n", "def result(): pass\n", "class outputs: pass\n"):
            with self.subTest(text):
                done = self.run_entry(text)
                self.assertEqual((done.returncode, self.read("error.json"), self.read("result.json")), (0, None, None), done.stderr)
                self.assertIn("is no output", self.message("warning.json"))
        self.assertLessEqual(len(self.message("warning.json")), 2000)

    def test_a_dict_counts_beside_what_is_no_dict(self):
        self.assertEqual(self.result_of("result = 5\noutputs = {'a': 1}\n"), ({"a": 1}, None))
        self.assertEqual(self.result_of("result = {'a': 2}\noutputs = 5\n"), ({"a": 2}, None))
        self.assertIsNone(self.read("warning.json"))

    def test_a_pipeline_of_another_kind_is_no_pipeline(self):
        for value in ("Pipeline()", "[('scale', 1)]", "'a'", "{'a': 1}", "[1]"):
            with self.subTest(value):
                done = self.run_entry("class Pipeline: pass\nPIPELINE = %s\nresult = {'v': 1}\n" % value)
                self.assertEqual((done.returncode, self.read("error.json")), (0, None), done.stderr)
                self.assertEqual(self.read("result.json")["result"], {"v": 1})
                self.assertIn("PIPELINE", self.message("warning.json"))

    def test_a_file_with_the_name_of_a_standard_module_harms_nothing(self):
        names = ("platform", "uuid", "enum", "datetime", "json", "pathlib", "decimal", "keyword", "signal", "types", "errno", "pwd", "re",
                             "collections", "array", "time", "dataclasses", "fractions", "traceback", "harness_values", "codecs", "copyreg", "typing")
        for name in names:
            with self.subTest(name):
                done = self.run_entry("import %s\nresult = {'mine': getattr(%s, 'MINE', 0), 'x': [1.5, None, 'a']}\n" % (name, name),
                                      files={name + ".py": "MINE = 1\n"})
                self.assertEqual(done.returncode, 0, done.stderr)
                plain = subprocess.run([PYTHON, "-c", "import sys\nsys.path.insert(0, %r)\nimport %s\nprint(getattr(%s, 'MINE', 0))" %
                                        (self.root + "/repo", name, name)], capture_output=True, text=True, cwd="/", timeout=60)
                self.assertEqual((str(self.read("result.json")["result"]["mine"]), self.message()), (plain.stdout.strip(), None), plain.stderr)
                os.unlink(os.path.join(self.root, "repo", name + ".py"))

    def test_values_are_converted_beside_a_file_with_their_name(self):
        files = {n + ".py": "raise SystemExit('taken')\n" for n in ("uuid", "pathlib", "decimal", "dataclasses", "fractions", "platform")}
        self.assertEqual(self.result_of_files("import datetime\nresult = {'d': datetime.date(2026, 1, 2), 't': datetime.timedelta(1), 'o': {1.5: 1}}\n", files),
                         (None, "run.py: `result`: at /o: the key 1.5 is a float; keys must be strings"))

    def result_of_files(self, text, files):
        done = self.run_entry(text, files=files)
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.read("result.json") or {}).get("result"), self.message()

    def test_a_model_that_is_a_symbolic_link(self):
        os.makedirs(self.root + "/repo/common")
        os.symlink("../common/close.py", self.root + "/repo/model/close.py")
        files = {"common/helper.py": "NAME = 'shared'\n", "common/close.py": "import helper, sys\nresult = {'n': helper.NAME, 'p': sys.path[:2], 'f': __file__}\n"}
        self.run_entry(None, "model/close.py", "model", files)
        self.assertEqual(self.read("result.json")["result"], {"n": "shared", "p": [self.root + "/repo/common", self.root + "/repo"],
                                                              "f": self.root + "/repo/model/close.py"})

    def test_the_user_has_a_name(self):
        text = ("import getpass, os, pwd\nresult = {'g': getpass.getuser(), 'p': list(pwd.getpwuid(os.getuid()))[:2], 'h': os.path.expanduser('~'),\n"
                " 'n': pwd.getpwnam(getpass.getuser()).pw_uid == os.getuid(), 'r': pwd.getpwuid(0).pw_name}\n")
        self.write("repo/run.py", text)
        os.chmod(self.root, 0o777)
        for directory, _, names in os.walk(self.root):
            for path in [directory] + [os.path.join(directory, n) for n in names]:
                os.chmod(path, 0o777)
        if os.geteuid() != 0:
            self.skipTest("needs root, to become a user without a name")
        done = subprocess.run(["setpriv", "--reuid", "61234", "--regid", "61234", "--clear-groups", "/usr/bin/python3", "-I", "-B", "-u",
                                  self.root + "/modelrun/harness.py"], env={"HOME": "/tmp", "USER": "modelrun", "LOGNAME": "modelrun"}, cwd="/",
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read("result.json")["result"], {"g": "modelrun", "p": ["modelrun", "x"], "h": "/tmp", "n": True, "r": "root"})

    def test_the_message_is_the_last_line_of_the_traceback(self):
        for text, message in (("{}['missing']\n", "KeyError: 'missing'"), ("class E(Exception): pass\nraise E('a\\nb')\n", "E: a b"),
                              ("import json\njson.loads('')\n", "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
                              ("raise ValueError\n", "ValueError"), ("import sys\nsys.exit('no data')\n", "no data"),
                              ("class E(Exception):\n    def __str__(self): return 1\nraise E\n", "E: <exception str() failed>"),
                              ("raise ValueError('x' * 5000 + '\\x1b')\n", "ValueError: " + "x" * 985 + "..."), ("raise ValueError('\\x1b\\ud800')\n", "ValueError: ??")):
            with self.subTest(text):
                self.assertEqual(self.run_entry(text).returncode, 1)
                self.assertEqual(self.read("error.json"), {"reason": "NonZeroExit", "message": message})
        self.run_entry("PIPELINE = ['a']\n", files={"model/a.py": "1 / 0\n"})
        self.assertEqual(self.message(), "model/a.py: ZeroDivisionError: division by zero")

    def test_a_rule_of_the_sandbox_is_named_behind_the_traceback(self):
        cases = {"no network": ("import socket\nraise socket.gaierror(-3, 'x')\n", "import errno\nraise OSError(errno.ENETUNREACH, 'x')\n",
                                "try:\n    raise OSError(101, 'x')\nexcept OSError:\n    raise ValueError('wrapped')\n",
                                "import urllib.error\nraise urllib.error.URLError(OSError(101, 'x'))\n",
                                "raise RuntimeError('could not translate host name \"db\" to address')\n"),
                 "/outputs and /tmp": ("import errno\nraise OSError(errno.EROFS, 'x', '/repo/a')\n", "open('/proc/version', 'w')\n" if os.geteuid() else
                                       "raise PermissionError(13, 'x', '/repo/a')\n",)}
        for words, texts in cases.items():
            for text in texts:
                with self.subTest(text):
                    self.assertIn(words, self.run_entry(text).stderr.splitlines()[-1])
        for text in ("raise PermissionError(13, 'x', '/outputs/../@/outputs/a')\n", "raise PermissionError(1, 'x')\n", "raise ValueError('x')\n",
                     "raise FileNotFoundError(2, 'x', '/nowhere')\n"):
            with self.subTest(text):
                self.assertNotIn("modelrun:", self.run_entry(text).stderr)


if __name__ == "__main__":
    unittest.main()
