"""Files that must not be read or written. See attack.py."""
import glob
import os
import sysconfig

from attack import absent, allowed, attempt, denied

MARKER = "attack"


def write(path):
    with open(path, "a") as f:
        f.write(MARKER)
    return "written"


def create_in(directory):
    path = os.path.join(directory, "attack-%d" % os.getpid())
    write(path)
    os.unlink(path)
    return "created"


def read(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return "%d bytes" % len(os.read(fd, 4096))
    except BlockingIOError:
        return "opened"
    finally:
        os.close(fd)


def writable_places():
    for place in ("/", "/etc", "/usr/bin", "/usr/local", "/var/tmp", "/root", "/modelrun", "/repo", "/inputs", "/data", "/dev",
                  sysconfig.get_paths()["purelib"]):
        attempt("create in " + place, lambda place=place: create_in(place) if os.path.isdir(place) else None)
    for path in ("/repo/run.py", "/inputs/parameters.json", "/modelrun/modelrun-sandbox", "/modelrun/harness.py", "/etc/hosts",
                 "/etc/resolv.conf", "/dev/termination-log"):
        attempt("write " + path, lambda path=path: write(path) if os.path.exists(path) else None)
    attempt("overwrite /proc/self/exe", lambda: os.close(os.open("/proc/self/exe", os.O_WRONLY)) or "opened")


def kernel_files():
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/overcommit_memory", "/proc/1/oom_score_adj",
                 "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled"):
        attempt("open for writing " + path, lambda path=path: os.close(os.open(path, os.O_WRONLY)) or "opened")
    for pattern in ("/sys/fs/cgroup/*/release_agent", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory.max",
                    "/sys/fs/cgroup/*/cgroup.procs"):
        for path in glob.glob(pattern)[:2]:
            attempt("open for writing " + path, lambda path=path: os.close(os.open(path, os.O_WRONLY)) or "opened")
    for path in ("/proc/kcore", "/proc/kmsg", "/dev/mem", "/dev/kmsg"):
        attempt("read " + path, lambda path=path: read(path) if os.path.exists(path) else None)


def of_pid_one():
    for name in ("environ", "mem", "maps", "auxv", "stack", "syscall"):
        attempt("read /proc/1/" + name, lambda name=name: read("/proc/1/" + name))
    attempt("list /proc/1/root", lambda: "%d entries" % len(os.listdir("/proc/1/root/")))
    attempt("list /proc/1/fd", lambda: "%d descriptors" % len(os.listdir("/proc/1/fd")))
    attempt("list /proc/1/cwd", lambda: "%d entries" % len(os.listdir("/proc/1/cwd/")))


def credentials():
    for path in ("/var/run/secrets/kubernetes.io/serviceaccount/token", "/var/run/secrets/modelrun.dev/token"):
        attempt("read " + path, lambda path=path: read(path))
    for name in ("MODELRUN_RUN_SERVER", "MODELRUN_RUN_SERVER_CA", "KUBERNETES_SERVICE_HOST", "MODELRUN_TIMEOUT_SECONDS"):
        allowed("environment " + name, os.environ[name]) if name in os.environ else denied("environment " + name, 2)


def descriptors():
    extra = {}
    for fd in range(3, 4096):
        try:
            extra[fd] = os.readlink("/proc/self/fd/%d" % fd)
        except OSError:
            pass
    allowed("inherited descriptors", extra) if extra else denied("inherited descriptors", 9)


def termination_log():
    """The node's disk, not counted against any limit: the sealed place must not be reachable."""
    for path in ("/dev/termination-log", "/modelrun/.sealed/termination-log"):
        attempt("fill " + path, lambda path=path: write(path))
    attempt("open up /modelrun/.sealed", lambda: os.chmod("/modelrun/.sealed", 0o777) or "opened")
    attempt("list /modelrun/.sealed", lambda: os.listdir("/modelrun/.sealed"))


def memory_file():
    """A program that never was a file."""
    if not os.path.exists("/bin/true"):
        return absent("memfd program", "no /bin/true")
    attempt("memfd program", run_from_memory)


def run_from_memory():
    fd = os.memfd_create("attack")
    with open("/bin/true", "rb") as f:
        os.write(fd, f.read())
    child = os.fork()
    if child == 0:
        os.execve(fd, ["true"], {})
    return "exit %d" % os.waitpid(child, 0)[1]


if __name__ == "__main__":
    for part in (writable_places, kernel_files, of_pid_one, credentials, descriptors, termination_log, memory_file):
        part()
