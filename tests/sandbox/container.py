"""The model's container of a pod as the kubelet makes it: a root directory of its own with the paths of production, tmpfs of 64 MiB, a
network namespace. `exec` runs in it without --root. The control is the same container without the sandbox, as root, in which an
attack must succeed: one that fails everywhere proves nothing. Needs root and overlayfs."""
import ctypes
import os
import subprocess
import sys
import tempfile
import threading

from fixture import UID, UUID, Pod, RunServer

# Makes the container's root in a mount namespace of its own, on an overlay of the machine's, so that the control harms nothing.
# $1: the pod's directory; $2: an empty directory; then the program.
MAKE = r"""
set -e
pod=$1 work=$2; shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" none "$work/root"
root=$work/root
mkdir -p "$root/modelrun" "$root/repo" "$root/inputs" "$root/outputs" "$root/upstream" "$root/data"
for name in modelrun repo inputs outputs upstream tmp; do mount --bind "$pod/$name" "$root/$name"; done
mount -t tmpfs -o mode=755 none "$root/dev"
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o size=64m,mode=1777 none "$root/dev/shm"
for node in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
done
mount -t proc none "$root/proc"
mount -t sysfs -o ro none "$root/sys"
cp "$root/usr/bin/id" "$root/usr/local/bin/attack-setuid"
chmod 4755 "$root/usr/local/bin/attack-setuid"
if [ -z "$ATTACK_CONTROL" ]; then
  for name in modelrun repo inputs; do mount -o remount,bind,ro "$root/$name"; done
  mount -o remount,ro "$root"
fi
cd "$root"
exec /usr/sbin/chroot "$root" "$@"
"""

# A network with listeners where an attacker would look for them: the addresses stand on the namespace's own loopback. Prints a line
# when it is ready.
NETWORK = r"""
import socket, subprocess, sys, threading
run = lambda *arguments: subprocess.run(["ip", *arguments], check=True)
run("link", "set", "lo", "up")
for address in ("169.254.169.254/32", "10.96.0.1/32", "10.96.0.10/32", "10.0.0.7/32"):
    run("addr", "add", address, "dev", "lo")
keep = []
def listen(family, address):
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind(address)
    server.listen(64)
    keep.append(server)
for port in (80, 443, 6443, 9443, 10250):
    listen(socket.AF_INET, ("0.0.0.0", port))
listen(socket.AF_INET6, ("::1", 80))
listen(socket.AF_UNIX, "\0modelrun-canary")
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("10.96.0.10", 53))
print("up", flush=True)
sys.stdin.read()
"""
TARGETS = "10.96.0.1:443 10.0.0.7:10250 10.0.0.7:6443 10.0.0.7:9443"


class Network:
    def __init__(self):
        self.process = subprocess.Popen(["unshare", "--net", sys.executable, "-I", "-c", NETWORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"up\n":
            raise AssertionError("the network of the test could not be made")
        self.enter = ["nsenter", "--net=/proc/%d/ns/net" % self.process.pid]

    def server(self, files):
        """A run server that listens here. Only the thread that opens the socket enters the namespace."""
        made = []

        def make():
            libc = ctypes.CDLL(None, use_errno=True)
            with open("/proc/%d/ns/net" % self.process.pid) as namespace:
                if libc.setns(namespace.fileno(), 0) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(RunServer(files))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Container(Pod):
    """`files` are those of the commit."""

    def __init__(self, binary, files, network=None, **options):
        # Agent and model share a network, as the containers of a pod do.
        options = {"agent_env": {"MODELRUN_CONNECT_SECONDS": "20"}, "server": network.server(files) if network else None, **options}
        super().__init__(binary, files, **options)
        self.work = tempfile.mkdtemp(prefix="modelrun-root-")
        self.enter = network.enter if network else []
        self.mounted = []
        for name in ("outputs", "upstream", "tmp"):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755,uid=%d,gid=%d" % (UID, UID), "none", self.path(name)], check=True)
            self.mounted.append(self.path(name))

    def made(self, program):
        """The command that runs `program`, which is a list, in the container as its PID 1."""
        return [*self.enter, "unshare", "--pid", "--mount", "--ipc", "--uts", "--fork", "--kill-child=SIGKILL", "sh", "-c", MAKE, "make", self.root, self.work,
                *program]

    def start_agent(self, prefix=()):
        return super().start_agent([*self.enter, *prefix])

    def start_exec(self, argv=None, out=None):
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "MODELRUN_TIMEOUT_SECONDS": str(self.timeout), "MODELRUN_LANDLOCK": "required",
               "MODELRUN_RUN_ID": UUID, "MODELRUN_SCOPE": "project", "MODELRUN_ENTRYPOINT": "run.py", **self.env}
        drop = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
        argv = argv or ["/usr/bin/env", "python3", "-I", "-B", "-u", "/modelrun/harness.py"]
        program = self.made([*drop, "/modelrun/modelrun-sandbox", "exec", "--", *argv])
        with open(self.path("exec.out"), "wb") as stdout, open(self.path("exec.err"), "wb") as err:
            self.exec = subprocess.Popen(program, env=env, stdout=stdout if out is None else out, stderr=err, stdin=subprocess.DEVNULL,
                                         start_new_session=True)
        return self

    def control(self, argv, env=None, root=True, seconds=120):
        """What the program prints in the same container without the sandbox, below a PID 1 that is root's shell."""
        drop = [] if root else ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
        program = self.made(["sh", "-c", 'trap "" TERM; "$@"; exit 0', "control", *drop, *argv])
        done = subprocess.run(program, env={"PATH": "/usr/local/bin:/usr/bin:/bin", "ATTACK_CONTROL": "1", **(env or {})}, capture_output=True,
                              text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=seconds)
        return done.stdout + done.stderr

    def close(self):
        super_close = super().close
        for process in (self.exec, self.agent):
            if process and process.poll() is None:
                os.killpg(process.pid, 9)
                process.wait()
        for path in self.mounted:
            subprocess.run(["umount", path], check=False)
        os.rmdir(self.work)
        super_close()
