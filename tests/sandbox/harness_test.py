"""harness.py alone, against plain `python3 FILE`. Run by tests/sandbox/run."""
import os
import subprocess
import unittest

from harness_case import PYTHON, HarnessCase


class HarnessTest(HarnessCase):
    def test_same_as_plain_python(self):
        programs = {
            "exception": "def f():\n    return 1 / 0\nf()\n",
            "chained": "try:\n    1 / 0\nexcept Exception as e:\n    raise ValueError('x') from e\n",
            "context": "try:\n    1 / 0\nexcept Exception:\n    raise ValueError('x')\n",
            "exit code": "import sys\nsys.exit(42)\n",
            "exit message": "import sys\nsys.exit('message')\n",
            "exit object": "raise SystemExit({'a': 1})\n",
            "exit true": "import sys\nsys.exit(True)\n",
            "exit big": "import sys\nsys.exit(256 + 7)\n",
            "exit negative": "import sys\nsys.exit(-1)\n",
            "exit nothing": "print('a')\nraise SystemExit\n",
            "syntax": "x = 1\nif x\n    print(x)\n",
            "indentation": "x = 1\n  y = 2\n",
            "interrupt": "raise KeyboardInterrupt\n",
            "recursion": "def f():\n    f()\ntry:\n    f()\nexcept RecursionError as e:\n    print(type(e))\n",
            "excepthook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\n1 / 0\n",
            "names": "print(__name__, __file__.rsplit('/', 1)[1], sorted(n for n in globals() if n[:2] != '__'))\n"
                     "import sys\nprint(len(sys.argv), sys.modules['__main__'].__file__ == __file__)\n",
            "atexit": "import atexit\natexit.register(print, 'bye')\nprint('hello')\n",
            "encoding": "# -*- coding: latin-1 -*-\nprint('a')\n",
            "group": "class C(Exception):\n    pass\nraise C('multi\\nline')\n",
            "thread": "import threading\nthreading.Thread(target=lambda: (threading.main_thread().join(), print('late'))).start()\nprint('early')\n",
        }
        for name, text in programs.items():
            with self.subTest(name):
                ours = self.run_entry(text)
                plain = subprocess.run(
                    [PYTHON, "-B", "-u", os.path.join(self.root, "repo/run.py")], env={"PATH": os.environ["PATH"]},
                    cwd=os.path.join(self.root, "repo"), capture_output=True, text=True, timeout=60)
                self.assertEqual((ours.returncode, ours.stdout, ours.stderr), (plain.returncode, plain.stdout, plain.stderr))

    def test_result_or_outputs(self):
        self.assertEqual(self.result_of("result = {'a': 1}\noutputs = {'b': 2}\n"), ({"a": 1}, None))
        self.assertEqual(self.result_of("outputs = {'b': 2}\n"), ({"b": 2}, None))
        self.assertEqual(self.result_of("result = {}\nimport sys\nsys.exit(0)\n"), ({}, None))

    def test_no_result_is_no_result(self):
        self.run_entry("x = 1\n")
        self.assertIsNone(self.read("result.json"))
        self.assertIsNone(self.read("error.json"))

    def test_values(self):
        text = ("import datetime, enum, pathlib, uuid, collections, decimal\n"
                "class E(enum.Enum):\n    A = 1\nclass S(str, enum.Enum):\n    B = 'b'\nP = collections.namedtuple('P', 'x y')\n"
                "result = {'n': None, 't': True, 's': 'ä', 'i': 2**62, 'f': float('nan'), 'l': (1, [2]), 'e': E.A, 'se': S.B,\n"
                " 'p': P(1, 2), 'd': datetime.date(2026, 1, 2), 'dt': datetime.datetime(2026, 1, 2, 3, 4, 5),\n"
                " 'u': uuid.UUID(int=0), 'path': pathlib.Path('/x'), 'od': collections.OrderedDict(a=1)}\n")
        got, error = self.result_of(text)
        self.assertIsNone(error)
        self.assertNotEqual(got.pop("f"), 0)  # NaN: the agent says where it is
        self.assertEqual(got, {"n": None, "t": True, "s": "ä", "i": 2**62, "l": [1, [2]], "e": 1, "se": "b", "p": [1, 2],
                               "d": "2026-01-02", "dt": "2026-01-02T03:04:05", "od": {"a": 1}, "path": "/x",
                               "u": "00000000-0000-0000-0000-000000000000"})

    def test_refused_values_name_the_place(self):
        for value, words in (("{'a': [1, {2}]}", "at /a/1: a value of type set"), ("{'a/b': {'c': b''}}", "at /a~1b/c: a value of type bytes"),
                             ("{'d': __import__('decimal').Decimal(1)}", "at /d: a value of type Decimal"),
                             ("{1: 2}", "at /: the key 1 is a int"), ("{'x': {None: 1}}", "at /x: the key None is a NoneType"),
                             ("{'f': print}", "at /f: a value of type builtin")):
            with self.subTest(value):
                _, error = self.result_of("result = %s\n" % value)
                self.assertIn("run.py", error)
                self.assertIn(words, error)
                os.unlink(os.path.join(self.root, "outputs/.modelrun/error.json"))

    def test_messages_are_bounded_and_printable(self):
        for text in ("result = {'\\x1b[2J\\r\\n\\x9b\\u202e' + 'k' * 2000000: {1}}\n", "C = type('\\x1b' + 'C' * 2000000, (), {})\nresult = {'a': C()}\n",
                     "PIPELINE = ['\\x1b\\n' * 1000000]\n"):
            with self.subTest(text[:40]):
                done = self.run_entry(text)
                error = self.read("error.json")["message"]
                self.assertLessEqual(len(error), 1000)
                self.assertTrue(error.isprintable(), error)
                self.assertIn(error, done.stderr)
                self.assertLess(len(done.stderr), 1100)

    def test_depth_and_cycles(self):
        _, error = self.result_of("result = {}\nresult['me'] = result\n")
        self.assertIn("deeper than 100", error)
        _, error = self.result_of("x = []\nfor _ in range(100000): x = [x]\nresult = {'x': x}\n")
        self.assertIn("deeper than 100", error)

    def test_numpy_and_pandas(self):
        if subprocess.run([PYTHON, "-I", "-c", "import numpy, pandas"], capture_output=True).returncode != 0:
            self.skipTest("this Python has no numpy and pandas (MODELRUN_PYTHON)")
        text = ("import numpy as np, pandas as pd\n"
                "result = {'f': np.float64(1.5), 'f32': np.float32(0.5), 'i': np.int64(7), 'b': np.bool_(True), 's': np.str_('x'),\n"
                " 'a': np.arange(4).reshape(2, 2), 'z': np.array(3), 'd': np.datetime64('2026-01-02'),\n"
                " 'da': np.array(['2026-01-02', 'NaT'], dtype='datetime64[ns]'), 'ts': pd.Timestamp('2026-01-02'), 'nat': pd.NaT,\n"
                " 'na': pd.NA, 'se': pd.Series([1, 2]), 'si': pd.Series({'a': 1.5}),\n"
                " 'df': pd.DataFrame({'x': [1, 2], 'y': ['a', 'b']}), 'ix': pd.Index([1, 2]), 'cat': pd.Categorical(['a'])}\n")
        got, error = self.result_of(text)
        self.assertIsNone(error)
        self.assertEqual(got, {
            "f": 1.5, "f32": 0.5, "i": 7, "b": True, "s": "x", "a": [[0, 1], [2, 3]], "z": 3, "d": "2026-01-02",
            "da": ["2026-01-02T00:00:00.000000000", None], "ts": "2026-01-02T00:00:00", "nat": None, "na": None, "se": [1, 2],
            "si": {"a": 1.5}, "df": [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}], "ix": [1, 2], "cat": ["a"]})
        _, error = self.result_of("import numpy as np\nresult = {'c': np.array([1j])}\n")
        self.assertIn("at /c/0: a value of type complex", error)

    def test_harness_imports_neither_numpy_nor_pandas(self):
        self.assertEqual(self.result_of("import sys\nresult = {'n': [m for m in ('numpy', 'pandas') if m in sys.modules]}\n")[0], {"n": []})

    def test_path_of_a_program_and_of_a_model(self):
        files = {"helper.py": "x = 1\n", "model/near.py": "y = 2\n"}
        self.assertEqual(self.run_entry("import helper\n", files=files).returncode, 0)
        done = self.run_entry("import near, helper\nimport sys\nprint(sys.path[:2])\n", "model/m.py", "model", files)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.strip(), str([self.root + "/repo/model", self.root + "/repo"]))

    def test_repository_cannot_take_over_the_interpreter(self):
        files = {"sitecustomize.py": "print('TAKEN')\n", "json.py": "print('TAKEN')\n", "usercustomize.py": "print('TAKEN')\n"}
        self.assertEqual(self.run_entry("print('x')\n", files=files).stdout, "x\n")

    def test_entry_point_missing(self):
        done = self.run_entry(None)
        self.assertEqual(done.returncode, 66)
        self.assertEqual(self.read("error.json")["reason"], "EntryPointNotFound")
        self.assertIn("run.py", done.stderr)

    def test_a_fork_that_runs_to_the_end_writes_nothing(self):
        self.run_entry("import os\npid = os.fork()\nresult = {'child': pid == 0}\nif pid: os.waitpid(pid, 0)\n"
                       "import time\n")
        self.assertEqual(self.read("result.json")["result"], {"child": False})

    # ---- Pipelines -------------------------------------------------------------------------------------------
    def test_pipeline(self):
        done = self.run_entry("PIPELINE = ['a', 'b']\nx = 1\n", files={
            "model/a.py": "assert 'x' not in globals() and __name__ == '__main__'\nresult = {'v': 1}\n"
                          "open('@/outputs/f.json', 'w').write('[1]')\nopen('@/outputs/t.csv', 'w').write('')\n",
            "model/b.py": "import json\nassert 'result' not in globals()\n"
                          "result = json.load(open('@/upstream/a/outputs.json'))\nopen('@/outputs/f.json', 'w').write('2')\n"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read("result.json"), {"models": {"a": {"v": 1}, "b": {"v": 1, "f": [1]}}})
        self.assertIn("comes twice", self.read("error.json")["message"])  # f is in b's result and in its file

    def test_bad_pipelines(self):
        self.write("repo/model/a.py", "")
        for value, words in (("['a', 'a']", "twice"), ("['a b']", "identifier"),
                             ("['../a']", "identifier"), ("['class']", "identifier"), ("['a', 'gone']", "model/gone.py")):
            with self.subTest(value):
                done = self.run_entry("PIPELINE = %s\n" % value)
                self.assertIn(words, done.stderr)
                self.assertIn(words, self.read("error.json")["message"])

    def test_pipeline_is_a_plain_name_in_a_model_run(self):
        self.assertEqual(self.run_entry("PIPELINE = 3\nresult = {}\n", "model/m.py", "model").returncode, 0)
        self.assertIsNone(self.read("error.json"))

    def test_a_failing_model_keeps_what_came_before(self):
        done = self.run_entry("PIPELINE = ['a', 'b']\nresult = {'own': 1}\n", files={
            "model/a.py": "result = {'v': 1}\n", "model/b.py": "open('@/outputs/part.json', 'w').write('1')\n1 / 0\n"})
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.read("result.json"), {"result": {"own": 1}, "models": {"a": {"v": 1}}})
        self.assertTrue(os.path.exists(self.root + "/outputs/.modelrun/models/b/part.json"))


if __name__ == "__main__":
    unittest.main()
