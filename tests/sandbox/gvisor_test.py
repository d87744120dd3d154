"""The two programs of a pod under gVisor (gvisor.py), whose kernel has no Landlock. Run by tests/sandbox/run, as root."""
import json
import os
import unittest

import sandbox_test
from attacks_test import PYTHON, files_of, hostile_outputs_passed_over
from attack import verdicts
from container import TARGETS, Network
from fixture import UID
from gvisor import Gvisor

RUNSC = None  # its path; run sets it
HERE = os.path.dirname(os.path.abspath(__file__))

# What gVisor denies to root in the control too, with its answer. Calls that it does not have at all are ABSENT there.
ANSWERS = {
    "kernel": {"socket AF_PACKET": "EPERM", "socket AF_INET raw": "EPERM", "perf_event_open": "ENODEV", "add_key": "EACCES",
               "name_to_handle_at": "ENOTSUP", "open_by_handle_at": "ENOTSUP", "modify_ldt": "EPERM", "personality": "EINVAL", "kexec_load": "EPERM",
               "init_module": "EPERM"},
    "files": {"open for writing /proc/sys/kernel/core_pattern": "ENOENT", "open for writing /sys/kernel/uevent_helper": "ENOENT",
              "open for writing /sys/kernel/mm/transparent_hugepage/enabled": "ENOENT", "read /proc/1/mem": "EIO", "read /proc/1/stack": "ENOENT",
              "read /proc/1/syscall": "ENOENT",
              # The control has none of these.
              "read /var/run/secrets/kubernetes.io/serviceaccount/token": "ENOENT", "read /var/run/secrets/modelrun.dev/token": "ENOENT",
              "environment MODELRUN_RUN_SERVER": "ENOENT", "environment MODELRUN_RUN_SERVER_CA": "ENOENT",
              "environment KUBERNETES_SERVICE_HOST": "ENOENT", "environment MODELRUN_TIMEOUT_SECONDS": "ENOENT", "inherited descriptors": "EBADF"},
    "network": {"look up a name": "-3", "connect to /run/containerd/containerd.sock": "ENOENT", "connect to /var/run/docker.sock": "ENOENT",
                # It no longer listens when the model runs.
                "connect to the agent": "ECONNREFUSED"},
}
# gVisor tells every process how many descriptors another has. It opens none of them, which a test below looks at.
HARMLESS = {"list /proc/1/fd"}


class GvisorTest(unittest.TestCase):
    maxDiff = None

    def pod(self, files, **options):
        network = Network()
        self.addCleanup(network.close)
        pod = Gvisor(RUNSC, sandbox_test.BINARY, files if isinstance(files, dict) else {"run.py": files}, network, **options)
        self.addCleanup(pod.close)
        pod.boot()
        return pod

    def ended_well(self, pod, frame):
        self.assertEqual((frame["exit"]["how"], frame["exit"].get("code")), ("Exited", 0), (frame, pod.text("exec.err")[-1000:]))
        self.assertEqual(frame["rings"], "process,seccomp")

    # ---- Runs --------------------------------------------------------------------------------------------------
    def test_gvisor_good_run(self):
        pod = self.pod("import os, sys\nprint('hello', os.getuid())\nprint('warn', file=sys.stderr)\nresult = {'a': [1.5, None]}\n"
                       "open('/outputs/b.json', 'w').write('2')\nopen('/outputs/table.csv', 'w').write('x,y\\n')\n")
        pod.start_agent().await_installed()
        # The hook of the kubelet, as it is run: inside the agent's container.
        self.assertEqual(pod.call("exec", pod.id("agent"), "/modelrun-sandbox", "await-installed"), 0)
        frame = pod.start_exec().finish()
        self.ended_well(pod, frame)
        self.assertEqual(pod.server.results, [frame])
        self.assertEqual((frame["stdout"]["head"], frame["stderr"]["head"]), ("hello %d\n" % UID, "warn\n"))
        self.assertEqual(frame["outputs"], {"a": [1.5, None], "b": 2})
        self.assertEqual([each["name"] for each in frame["artifacts"]], ["table.csv"])
        self.assertNotIn("error", frame)
        self.assertEqual((pod.exec.returncode, pod.agent.returncode), (0, 0))
        self.assertTrue(json.loads(pod.text("dev/termination-log"))["complete"])

    def test_gvisor_what_models_do(self):
        with open(os.path.join(HERE, "workload.py")) as f:
            pod = self.pod(f.read(), timeout=100)
        python = os.environ.get("MODELRUN_PYTHON", "python3")
        frame = pod.run(argv=[python, "-I", "-B", "-u", "/modelrun/harness.py"], seconds=150)
        self.ended_well(pod, frame)
        wanting = {name for name, done in frame["outputs"].items() if done.startswith("ModuleNotFoundError")}
        self.assertEqual({name: done for name, done in frame["outputs"].items() if done != "ok" and name not in wanting}, {})
        if wanting:
            self.skipTest("%s lacks what %s need (MODELRUN_PYTHON); the rest works" % (python, ", ".join(sorted(wanting))))

    def test_gvisor_is_refused_where_landlock_is_required(self):
        pod = self.pod("print('ran')\n", landlock="required")
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["error"]["reason"]), ("NotStarted", "SandboxSetupFailed"))
        self.assertIn("'landlock' could not be put up", frame["error"]["message"])
        self.assertIn("--rings", frame["error"]["message"])
        self.assertNotIn("rings", frame)
        self.assertEqual(pod.exec.returncode, 126)
        self.assertNotIn("ran", pod.text("exec.out"))

    def test_gvisor_cancel(self):
        pod = self.pod("import time\nprint('up')\ntime.sleep(600)\n")
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        pod.server.cancel.set()
        frame = pod.finish()
        self.assertEqual((frame["exit"]["how"], frame["exit"]["signal"]), ("Cancelled", 15))

    def test_gvisor_sigterm_from_outside(self):
        pod = self.pod("import time\nprint('up')\ntime.sleep(600)\n")
        pod.start_agent().await_installed().start_exec()
        pod.await_text("exec.out", "up\n")
        pod.call("kill", pod.id("exec"), "TERM")
        frame = pod.finish()
        self.assertEqual((frame["exit"]["how"], frame["exit"]["signal"]), ("Terminated", 15))

    def test_gvisor_timeout_ends_what_ignores_sigterm(self):
        pod = self.pod("import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nif os.fork() == 0: os.setsid()\nprint('up')\ntime.sleep(600)\n",
                       timeout=3)
        frame = pod.run()
        self.assertEqual((frame["exit"]["how"], frame["exit"]["signal"], frame["stdout"]["head"]), ("TimedOut", 9, "up\nup\n"))

    # ---- Attacks -----------------------------------------------------------------------------------------------
    def confront(self, program, **env):
        """What the sandbox denies and the control, in the same gVisor, does not."""
        pod = self.pod(files_of(program), timeout=60, env=env)
        frame = pod.run(seconds=100)
        self.ended_well(pod, frame)
        sandboxed = verdicts(frame["stdout"]["head"] + frame["stdout"]["tail"])
        unhardened = verdicts(pod.control([*PYTHON, "/repo/run.py"], env=env))
        self.assertEqual({name: detail for name, (verdict, detail) in sandboxed.items() if verdict == "ALLOWED" and name not in HARMLESS}, {})
        denied = {name: detail for name, (verdict, detail) in sandboxed.items() if verdict == "DENIED"}
        answered = {name: unhardened[name][1] for name in denied if unhardened.get(name, ("",))[0] == "DENIED"}
        self.assertEqual(answered, ANSWERS[program])
        if os.environ.get("MODELRUN_SHOW_ATTACKS"):
            for name in sandboxed:
                print("  %-60s %-28s control: %s" % (name, " ".join(sandboxed[name]), " ".join(unhardened.get(name, ("not tried",)))), flush=True)
        return {name for name in denied if unhardened.get(name, ("",))[0] == "ALLOWED"}

    def test_gvisor_attacks_on_the_kernel(self):
        proven = self.confront("kernel")
        self.assertGreaterEqual(len(proven), 35, proven)
        self.assertGreaterEqual(proven, {"socket AF_INET", "socket AF_NETLINK", "unshare user", "mount", "ptrace PID 1", "SIGTERM to PID 1", "become root"})

    def test_gvisor_attacks_on_files(self):
        proven = self.confront("files")
        self.assertGreaterEqual(len(proven), 25, proven)
        self.assertGreaterEqual(proven, {"create in /etc", "write /repo/run.py", "read /proc/1/environ", "list /modelrun/.sealed", "memfd program"})

    def test_gvisor_attacks_on_the_network(self):
        proven = self.confront("network", ATTACK_TARGETS=TARGETS)
        self.assertEqual(proven, {"connect to metadata", "connect to localhost", "connect to localhost 6", "UDP to DNS", "connect to target 0",
                                  "connect to target 1", "connect to target 2", "connect to target 3"})

    def test_gvisor_setuid_program_and_descriptors_of_the_supervisor(self):
        setuid = "import os, subprocess\nprint('uid', subprocess.check_output(['/usr/local/bin/attack-setuid', '-u']).decode())\n"
        opens = ("import os\nfor fd in os.listdir('/proc/1/fd'):\n    for act in (os.readlink, lambda path: os.open(path, os.O_RDONLY | os.O_NONBLOCK)):\n"
               "        try:\n            print('fd', act('/proc/1/fd/' + fd))\n        except OSError:\n            pass\n")
        pod = self.pod(setuid + opens)
        frame = pod.run()
        self.ended_well(pod, frame)
        self.assertEqual(frame["stdout"]["head"].strip(), "uid %d" % UID)
        control = pod.control(["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", *PYTHON, "-c", setuid])
        self.assertIn("uid 0\n", control)
        self.assertIn("fd ", pod.control([*PYTHON, "-c", opens]))

    # ---- Outputs and exhaustion --------------------------------------------------------------------------------
    def test_gvisor_hostile_outputs_are_passed_over(self):
        pod = self.pod(files_of("outputs"), timeout=60)
        frame = pod.run(seconds=100)
        self.ended_well(pod, frame)
        hostile_outputs_passed_over(self, frame)

    def test_gvisor_exhaustion_ends_with_the_run(self):
        # As many processes as a run may have take gVisor half a minute to make.
        for name, timeout, ends in (("fork_bomb", 3, ("TimedOut", None)), ("thread_bomb", 60, ("Exited", 0)), ("disk", 60, ("Exited", 0)),
                                    ("descriptors", 60, ("Exited", 0))):
            with self.subTest(name):
                pod = self.pod(files_of("exhaustion"), timeout=timeout, env={"ATTACK": name})
                frame = pod.run(seconds=100)
                self.assertEqual((frame["exit"]["how"], frame["exit"].get("code")), ends, frame)
                said = verdicts(frame["stdout"]["head"])
                if name == "thread_bomb":
                    self.assertLess(int(said[name][1].split()[0]), 256)
                if name == "descriptors":
                    self.assertLess(int(said[name][1].split(",")[0]), 1024)
                for place in ("/tmp", "/dev/shm", "/outputs") if name == "disk" else ():
                    self.assertEqual(said["fill %s/fill" % place], ("ALLOWED", "64 MiB, then errno 28"))
