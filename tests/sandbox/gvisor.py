"""A run's pod under gVisor: one sandbox of runsc with the containers that the kubelet would have the runtime make, `agent`
and `model`, each with its own processes and mounts and both in one network namespace. No containerd is needed. The
control is one more container of the same sandbox, without ModelRun's sandbox and as root with every capability: what is
denied there too is denied by gVisor."""
import json
import os
import shutil
import subprocess
import tempfile

from container import Container
from fixture import UID, UUID, certificates

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
CAPABILITIES = ["CAP_" + name for name in (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP NET_ADMIN NET_RAW NET_BIND_SERVICE IPC_LOCK IPC_OWNER SYS_ADMIN "
    "SYS_CHROOT SYS_PTRACE SYS_RESOURCE SYS_NICE MKNOD AUDIT_WRITE SYSLOG").split()]


def find_runsc(build):
    """(the path of runsc, why there is none). `build`: where the cache has none, it is compiled, which takes five minutes."""
    command = '. "$1/hack/lib.sh"; find_runsc ' + ("" if build else "--cached")
    done = subprocess.run(["bash", "-c", command, "find_runsc", ROOT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        return done.stdout.strip(), ""
    return None, " ".join(done.stderr.split())[-300:] or "hack/lib.sh: find_runsc failed"


class Gvisor(Container):
    """`files` are those of the commit; boot() comes first."""

    def __init__(self, runsc, binary, files, network, landlock="optional", **options):
        super().__init__(binary, files, network=network, **options)
        self.landlock = landlock
        self.network = network
        self.bundles = tempfile.mkdtemp(prefix="modelrun-bundles-")
        self.runtime = [runsc, "--root", os.path.join(self.bundles, "state"), "--platform", "systrap", "--network", "host", "--ignore-cgroups",
                      "--overlay2", "root:memory", "--allow-suid"]
        self.name = os.path.basename(self.root)
        self.containers = []
        self.image = os.path.join(self.work, "image")

    def boot(self):
        """Starts the sandbox, with the container that holds it. close() takes it down however far this came."""
        self.make_image()
        self.call("create", "--bundle", self.bundle("sandbox", ["/bin/sleep", "infinity"], {}), self.id("sandbox"))
        self.call("start", self.id("sandbox"))

    def make_image(self):
        """The root of all containers: an overlay of the machine's, as runsc makes the mount points in it."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", self.work], check=True)
        self.mounted.append(self.work)
        upper, work = os.path.join(self.work, "upper"), os.path.join(self.work, "work")
        for folder in (upper, work, self.image):
            os.mkdir(folder)
        subprocess.run(["mount", "-t", "overlay", "-o", "lowerdir=/,upperdir=%s,workdir=%s" % (upper, work), "none", self.image], check=True)
        self.mounted.append(self.image)
        shutil.copy(self.binary, os.path.join(self.image, "modelrun-sandbox"))
        attack = os.path.join(self.image, "usr/local/bin/attack-setuid")
        shutil.copy("/usr/bin/id", attack)
        os.chmod(attack, 0o4755)

    def id(self, container):
        return "%s-%s" % (self.name, container)

    def call(self, *arguments, check=True):
        """A command of runsc, to its end. Its output goes to a file: what it leaves behind keeps the descriptors open."""
        with open(os.path.join(self.bundles, "runsc.log"), "ab+") as log:
            done = subprocess.run([*self.runtime, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=60)
            log.seek(0)
            if check and done.returncode != 0:
                raise AssertionError("runsc %s: exit %d: %s" % (arguments[0], done.returncode, log.read().decode(errors="replace")[-2000:]))
        return done.returncode

    # ---- Containers --------------------------------------------------------------------------------------------
    def bundle(self, container, argv, env, mounts=(), root=False):
        """Writes the bundle of one container; its directory. `mounts`: (path outside, path in the container, writable)."""
        kind = {"io.kubernetes.cri.container-type": "sandbox" if container == "sandbox" else "container",
                "io.kubernetes.cri.sandbox-id": self.id("sandbox"), "io.kubernetes.cri.container-name": container}
        held = CAPABILITIES if root else []
        plain = lambda path, kind, *options: {"destination": path, "type": kind, "source": kind, "options": list(options)}
        spec = {
            "ociVersion": "1.1.0", "hostname": "forecast-1", "annotations": kind, "root": {"path": self.image, "readonly": not root},
            "process": {"user": {"uid": 0 if root else UID, "gid": 0 if root else UID}, "cwd": "/", "args": argv, "noNewPrivileges": not root,
                        "env": ["%s=%s" % item for item in env.items()],
                        "capabilities": {each: held for each in ("bounding", "effective", "permitted")}},
            "mounts": [plain("/proc", "proc"), plain("/dev", "tmpfs", "mode=755"), plain("/dev/shm", "tmpfs", "size=64m", "mode=1777"),
                       plain("/sys", "sysfs", "ro")] +
                      [{"destination": path, "type": "bind", "source": source, "options": ["rbind", "rw" if writable else "ro"]}
                       for source, path, writable in mounts],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"},
                                     {"type": "network", "path": "/proc/%d/ns/net" % self.network.process.pid}]},
        }
        folder = os.path.join(self.bundles, container)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump(spec, f)
        self.containers.insert(0, container)
        return folder

    def shared(self, *names):
        """Mounts of the pod's volumes; a name that begins with + is writable."""
        return [(self.path(name.strip("+")), "/" + name.strip("+"), name.startswith("+")) for name in names]

    def start_container(self, name, *arguments, stdout=None, **options):
        if name in self.containers:
            self.call("delete", "--force", self.id(name))
        folder = self.bundle(name, *arguments, **options)
        with open(self.path(name + ".out"), "wb") as out, open(self.path(name + ".err"), "wb") as err:
            return subprocess.Popen([*self.runtime, "run", "--bundle", folder, self.id(name)], stdin=subprocess.DEVNULL, start_new_session=True,
                                    stdout=out if stdout is None else stdout, stderr=err)

    # ---- As the kubelet does -----------------------------------------------------------------------------------
    def start_agent(self, prefix=()):
        with open(certificates() + "/ca.pem") as f:
            ca = f.read()
        env = {"PATH": "/usr/bin:/bin", "MODELRUN_RUN_SERVER": "127.0.0.1:%d" % self.server.port, "MODELRUN_RUN_SERVER_NAME": "run-server.test",
               "MODELRUN_RUN_SERVER_CA": ca, "MODELRUN_NAMESPACE": "team", "MODELRUN_RUN_NAME": "forecast-1", "MODELRUN_RUN_ID": UUID,
               "MODELRUN_ATTEMPT": "1", **self.agent_env}
        mounts = [(self.path("dev/termination-log"), "/dev/termination-log", True),
                  *self.shared(*([] if self.mounted else ["+modelrun"]), "+repo", "outputs", "var/run/secrets/modelrun.dev")]
        self.agent = self.start_container("agent", ["/modelrun-sandbox", "agent"], env, mounts=mounts)
        return self

    def await_installed(self):
        """The hook after which the kubelet starts the model's container."""
        return super().await_installed()

    def start_exec(self, argv=None, out=None):
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "MODELRUN_TIMEOUT_SECONDS": str(self.timeout), "MODELRUN_LANDLOCK": self.landlock,
               "MODELRUN_RUN_ID": UUID, "MODELRUN_SCOPE": "project", "MODELRUN_ENTRYPOINT": "run.py", **self.env}
        argv = argv or ["python3", "-I", "-B", "-u", "/modelrun/harness.py"]
        self.exec = self.start_container("exec", ["/modelrun/modelrun-sandbox", "exec", "--", *argv], env, stdout=out,
                                         mounts=self.shared("modelrun", "repo", "inputs", "+outputs", "+upstream", "+tmp"))
        return self

    def control(self, argv, env=None, root=True, seconds=60):
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "ATTACK_CONTROL": "1", **(env or {})}
        program = ["sh", "-c", 'trap "" TERM; "$@"; exit 0', "control", *argv]
        control = self.start_container("control", program, env, root=root,
                                       mounts=self.shared("+modelrun", "+repo", "+inputs", "+outputs", "+upstream", "+tmp"))
        try:
            control.wait(seconds)
        finally:
            if control.poll() is None:
                os.killpg(control.pid, 9)
                control.wait()
        return self.text("control.out") + self.text("control.err")

    def close(self):
        for container in self.containers:
            self.call("delete", "--force", self.id(container), check=False)
        subprocess.run(["umount", os.path.join(self.bundles, "state", "null-netns")], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.bundles, ignore_errors=True)
        self.mounted.reverse()
        super().close()
