"""Using up what is shared: `exhaustion.py NAME`, one a run, since several end the run. Prints how far it came; the caller looks at
the node, the agent and the run's status. See attack.py."""
import os
import resource
import signal
import sys
import threading
import time

from attack import allowed


def fork_bomb():
    children = 0
    try:
        while children < 100_000:
            pid = os.fork()
            if pid == 0:
                time.sleep(3600)
                os._exit(0)
            children += 1
    except OSError as e:
        allowed("fork_bomb", "%d processes, then errno %d" % (children, e.errno))


def thread_bomb():
    count = 0
    try:
        while count < 100_000:
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
            count += 1
    except RuntimeError as e:
        allowed("thread_bomb", "%d threads, then %s" % (count, e))
        os._exit(0)


def fill(path, limit=1 << 32):
    written = 0
    chunk = b"\0" * (1 << 20)
    try:
        with open(path, "wb") as f:
            while written < limit:
                f.write(chunk)
                f.flush()
                written += len(chunk)
    except OSError as e:
        return "%d MiB, then errno %d" % (written >> 20, e.errno)
    return "%d MiB, no limit found" % (written >> 20)


def disk():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for path in ("/dev/termination-log", "/tmp/fill", "/dev/shm/fill", "/outputs/fill"):
        try:
            allowed("fill " + path, fill(path, 200 << 20 if "log" in path else 1 << 31))
            if "log" not in path:
                os.unlink(path)
        except OSError as e:
            print("fill %s: DENIED %d" % (path, e.errno), flush=True)


def inodes():
    made = 0
    most = int(os.environ.get("ATTACK_FILES", 10_000_000))
    try:
        while made < most:
            os.mknod("/outputs/%d" % made)
            made += 1
    except OSError as e:
        return allowed("inodes", "%d files, then errno %d" % (made, e.errno))
    allowed("inodes", "%d files" % made)


def memory():
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20)))


def log_flood():
    end = time.monotonic() + 20
    while time.monotonic() < end:
        os.write(1, b"\n" * 65536)
    allowed("log_flood", "20 s of empty lines")


def log_bytes():
    for _ in range(1_000_000):
        os.write(1, b"x")
    allowed("log_bytes", "a million writes of one byte")


def descriptors():
    held = []
    try:
        while len(held) < 10_000_000:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as e:
        first = len(held)
        for fd in held[:10]:
            os.close(fd)
        allowed("descriptors", "%d, then errno %d; hard limit %d" % (first, e.errno, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def spin():
    while True:
        pass


def ignore_sigterm():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(3600)


def daemonise():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(3600)
        os._exit(0)
    allowed("daemonise", "left a child behind")


def signals():
    """Fills the queue of pending signals of the uid."""
    import ctypes
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
    libc = ctypes.CDLL(None, use_errno=True)
    sent = 0
    while sent < 1_000_000 and libc.sigqueue(os.getpid(), int(signal.SIGRTMIN), 0) == 0:
        sent += 1
    allowed("signals", "%d pending" % sent)


ALL = {f.__name__: f for f in (fork_bomb, thread_bomb, disk, inodes, memory, log_flood, log_bytes, descriptors, spin, ignore_sigterm,
                               daemonise, signals)}

if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ATTACK", "")
    if name not in ALL:
        sys.exit("usage: exhaustion.py %s (or ATTACK=NAME)" % "|".join(ALL))
    ALL[name]()
