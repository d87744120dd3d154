"""The programs of attacks/ as models, in a container with the sandbox, and beside it in one without (container.py). Run by
tests/sandbox/run, as root."""
import glob
import json
import os
import subprocess
import sys
import unittest

import sandbox_test
from container import TARGETS, Container, Network
from fixture import UID, contents_of
from sandbox_test import has_landlock

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attacks")
sys.path.insert(0, FOLDER)
from attack import verdicts  # noqa: E402
WRAPPER = "import runpy, sys\nsys.path.insert(0, '/repo/attacks')\nrunpy.run_path('/repo/attacks/%s.py', run_name='__main__')\n"
PYTHON = ["/usr/bin/env", "python3", "-I", "-B", "-u"]


def files_of(program):
    files = {"run.py": WRAPPER % program}
    for path in glob.glob(FOLDER + "/*.py"):
        with open(path) as f:
            files["attacks/" + os.path.basename(path)] = f.read()
    return files


def processes_of_the_model():
    return [name for name in os.listdir("/proc") if name.isdigit() and owner(name) == UID]


def owner(pid):
    try:
        return os.stat("/proc/%s" % pid).st_uid
    except FileNotFoundError:
        return None


def hostile_outputs_passed_over(test, frame):
    """That of what attacks/outputs.py planted nothing was followed, and nothing has stopped the collection."""
    planted = verdicts(frame["stdout"]["head"])
    test.assertEqual(planted["device"][0], "DENIED")
    test.assertGreater(sum(1 for verdict, _ in planted.values() if verdict == "ALLOWED"), 15, planted)
    # The largest of them; what each of the others is called is the subject of tests/unit/sandbox/collect_test.cc.
    test.assertEqual(frame["error"]["reason"], "OutputsTooLarge")
    # What is not a plain file of the model is not there, whatever its name.
    names = {artifact["name"] for artifact in frame["artifacts"]}
    test.assertLessEqual(names, {"run.pkl", "sparse.bin"}, names)
    test.assertTrue(frame["warning"].isprintable() and frame["error"]["message"].isprintable())
    text = json.dumps(frame)
    for secret in ("root:x:0:0", "the-token"):
        test.assertNotIn(secret, text)


@unittest.skipUnless(has_landlock(), "this kernel has no Landlock")
class AttacksTest(unittest.TestCase):
    maxDiff = None

    def container(self, files, **options):
        container = Container(sandbox_test.BINARY, files if isinstance(files, dict) else {"run.py": files}, **options)
        self.addCleanup(container.close)
        return container

    def network(self):
        network = Network()
        self.addCleanup(network.close)
        return network

    def compare(self, program, **env):
        """Nothing gets through; the attacks that are denied and succeed in the control."""
        network = self.network()
        container = self.container(files_of(program), network=network, timeout=100, env=env)
        frame = container.run(seconds=150)
        said = frame["stdout"]["head"] + frame["stdout"]["tail"]
        sandboxed = verdicts(said)
        self.assertEqual(frame["exit"].get("code"), 0, (said[-500:], frame["stderr"]["head"][-1000:]))
        control = self.container(files_of(program), network=network)
        # The repository is where the model finds it.
        for name, text in files_of(program).items():
            os.makedirs(os.path.dirname(control.path("repo/" + name)), exist_ok=True)
            with open(control.path("repo/" + name), "w") as f:
                f.write(text)
        unhardened = verdicts(control.control([*PYTHON, "/repo/run.py"], env=env))
        got_through = {name: detail for name, (verdict, detail) in sandboxed.items() if verdict == "ALLOWED"}
        self.assertEqual(got_through, {})
        proven = {name for name, (verdict, _) in unhardened.items() if verdict == "ALLOWED" and sandboxed.get(name, ("",))[0] == "DENIED"}
        if os.environ.get("MODELRUN_SHOW_ATTACKS"):
            for name, (verdict, detail) in sandboxed.items():
                print("  %-45s %s %s%s" % (name, verdict, detail, "" if name in proven else "  (control: %s)" % (unhardened.get(name),)), flush=True)
        return proven

    def exhaust(self, name, timeout=60, **env):
        container = self.container(files_of("exhaustion"), timeout=timeout, env={"ATTACK": name, **env})
        frame = container.run(seconds=200)
        return container, frame, verdicts(frame["stdout"]["head"] + frame["stdout"]["tail"])

    # ---- What must be denied -----------------------------------------------------------------------------------
    def test_attacks_on_the_kernel(self):
        proven = self.compare("kernel")
        self.assertGreaterEqual(len(proven), 20, proven)
        self.assertIn("socket AF_INET", proven)
        self.assertIn("int80 getpid", proven)
        self.assertIn("int80 socketcall AF_INET", proven)
        self.assertGreaterEqual(proven, {"execveat of an open file", "socket AF_INET of its own program", "socket AF_INET of an interpreter of a script"})

    def test_attacks_on_files(self):
        proven = self.compare("files")
        self.assertGreaterEqual(len(proven), 15, proven)

    def test_attacks_on_the_network(self):
        proven = self.compare("network", ATTACK_TARGETS=TARGETS)
        self.assertGreaterEqual(proven, {"connect to metadata", "connect to localhost", "connect to localhost 6", "UDP to DNS", "connect to target 0",
                                         "connect to target 1", "connect to target 2", "connect to target 3", "abstract socket modelrun-canary"})

    def test_setuid_program_gains_nothing(self):
        ask = "import subprocess\nprint('uid', subprocess.check_output(['/usr/local/bin/attack-setuid', '-u']).decode())\n"
        self.assertIn("uid 0\n", self.container("").control([*PYTHON, "-c", ask], root=False))
        self.assertIn("uid %d\n" % UID, self.container(ask).run()["stdout"]["head"])

    # ---- Outputs -----------------------------------------------------------------------------------------------
    def test_hostile_outputs_are_passed_over(self):
        container = self.container(files_of("outputs"))
        frame = container.run(seconds=120)
        self.assertEqual((frame["exit"]["how"], frame["exit"]["code"]), ("Exited", 0), frame["stderr"])
        hostile_outputs_passed_over(self, frame)
        # The agent stores the pickle as bytes. The control: whoever loads it is had.
        self.assertFalse(os.path.exists(container.path("tmp/pickled")) or os.path.exists("/tmp/pickled"))
        [stored] = [a for a in frame["artifacts"] if a["name"] == "run.pkl"]
        control = self.container("")
        control.control([*PYTHON, "-c", "import pickle\npickle.loads(%r)" % contents_of(stored)])
        self.assertTrue(os.path.exists(control.path("tmp/pickled")))

    def test_outputs_that_are_swapped_until_the_end(self):
        """The swapper outlives the entry point; what is collected is what stands there when all are dead."""
        container = self.container({**files_of("outputs"), "run.py": "import os, subprocess, sys, time\nos.environ['ATTACK'] = 'swap'\n"
                                    "subprocess.Popen([sys.executable, '-I', '/repo/attacks/outputs.py', 'swap'], start_new_session=True)\n"
                                    "while not os.path.lexists('/outputs/swap.txt'): time.sleep(0.01)\n"})
        frame = container.run()
        self.assertEqual(frame["exit"].get("code"), 0, frame["stderr"])
        for artifact in frame.get("artifacts", []):
            self.assertEqual(contents_of(artifact), b"plain" if artifact["size"] else b"", artifact)
        self.assertNotIn("the-token", json.dumps(frame))
        self.assertEqual(processes_of_the_model(), [])

    # ---- Exhaustion --------------------------------------------------------------------------------------------
    def test_fork_bomb_ends_with_the_run(self):
        for name in ("fork_bomb", "thread_bomb"):
            with self.subTest(name):
                _, frame, said = self.exhaust(name)
                self.assertEqual((frame["exit"]["how"], frame["exit"].get("code")), ("Exited", 0), frame["stderr"])
                made = int(said[name][1].split()[0])
                self.assertGreater(made, 50)
                self.assertLess(made, 256)
                self.assertEqual(processes_of_the_model(), [])

    def test_fork_bomb_leaves_processes_to_the_neighbours(self):
        """The limit counts the processes of a user id, and each run has its own. The control: a neighbour with the same user id."""
        container = self.container("import os, time\nwhile True:\n    try:\n        if os.fork() == 0: time.sleep(600)\n    except OSError:\n        break\n"
                                   "print('up')\ntime.sleep(600)\n", timeout=100)
        container.start_agent().await_installed().start_exec()
        container.await_text("exec.out", "up\n")
        neighbour = "import os, resource, time\nresource.setrlimit(resource.RLIMIT_NPROC, (256, 256))\nmade = []\ntry:\n    for _ in range(100):\n" \
                    "        made.append(os.fork())\n        if made[-1] == 0: time.sleep(600)\nexcept OSError:\n    pass\n" \
                    "for pid in made:\n    os.kill(pid, 9)\n    os.waitpid(pid, 0)\nprint(len(made))"

        def processes_of(uid):
            drop = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
            return int(subprocess.run([*drop, "/usr/bin/python3", "-I", "-c", neighbour], check=True, capture_output=True, timeout=60).stdout)

        self.assertEqual(processes_of(UID + 1), 100)
        self.assertLess(processes_of(UID), 10)
        container.server.cancel.set()
        self.assertEqual(container.finish()["exit"]["how"], "Cancelled")
        self.assertEqual(processes_of_the_model(), [])

    def test_disk_flood_meets_the_limits(self):
        _, frame, said = self.exhaust("disk")
        self.assertEqual(frame["exit"].get("code"), 0, frame["stderr"])
        self.assertEqual({name: said[name] for name in said if name != "fill /dev/termination-log"},
                         {"fill " + path: ("ALLOWED", "64 MiB, then errno 28") for path in ("/tmp/fill", "/dev/shm/fill", "/outputs/fill")})
        self.assertEqual(said["fill /dev/termination-log"][1], "0 MiB, then errno 13")

    def test_a_million_files_do_not_hold_up_the_agent(self):
        container = self.container(files_of("exhaustion"), timeout=300, env={"ATTACK": "inodes", "ATTACK_FILES": "1000000"})
        peaks = []

        def look():
            with open("/proc/%d/status" % container.agent.pid) as f:
                peaks.append(next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")))

        container.server.on_result = look
        frame = container.run(seconds=400)
        self.assertEqual(frame["exit"].get("code"), 0, frame["stderr"])
        self.assertEqual(frame["error"]["reason"], "OutputsTooLarge")
        self.assertIn("at most 20000", frame["error"]["message"])
        self.assertLess(peaks[0], 64 << 10)

    def test_descriptors_and_signals_have_a_limit(self):
        _, frame, said = self.exhaust("descriptors")
        self.assertEqual(frame["exit"].get("code"), 0, frame["stderr"])
        self.assertLess(int(said["descriptors"][1].split(",")[0]), 1024)
        _, frame, said = self.exhaust("signals")
        self.assertEqual(said["signals"][0], "ALLOWED")
        self.assertLessEqual(int(said["signals"][1].split()[0]), 1024)

    def test_who_spins_or_ignores_sigterm_is_timed_out(self):
        for name in ("spin", "ignore_sigterm"):
            with self.subTest(name):
                _, frame, _ = self.exhaust(name, timeout=3)
                self.assertEqual(frame["exit"]["how"], "TimedOut")
                self.assertEqual(processes_of_the_model(), [])
