"""How the harness (harness.py) executes the points of a run (src/api/points.h): it stays behind, and each point is a fork of it.

It speaks with `exec` on its standard input, line by line (src/sandbox/points_exec.cc): it says "ready" when it has imported what the
entry point imports; for each "point" it forks and says the process id; "go" lets the new process run.
"""
import ast
import atexit
import gc
import os
import signal
import sys
import time
import types
import warnings
import weakref

from _io import FileIO
from _signal import pthread_sigmask as set_mask  # that of `signal` makes an object of each signal

from harness_files import REPO, open_file

MAX_SOURCE = 1 << 20  # bytes of a file that is looked through for imports, or compiled for all points
MAX_SOURCES = 200
FORK_TRIES = 200
EXIT_NOT_FLUSHED = 120  # as the interpreter says that standard output could not be written
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4


# ---- What is imported before the first point -------------------------------------------------------------------------
def import_what_they_import(paths, hidden):
    """Imports the modules of the image that these files import at their top level. Returns the names of all that were loaded.

    `hidden` are the names of modules that the repository has itself. An import that fails does so again in the program, which is to
    see it. Returns None if one has changed sys.path: the program, which begins with a path of its own, would miss that.
    """
    before = set(sys.modules)
    path = list(sys.path)
    for module, names in imports_of(paths):
        if module.split(".")[0] in hidden:
            continue
        try:
            __import__(module, None, None, names)
        except (Exception, SystemExit):
            pass
        if sys.path != path:
            return None
    return set(sys.modules) - before


def sources(entry, scope):
    """Returns the paths of the files whose imports count: the entry point, and the models that a pipeline may have."""
    paths = [os.path.join(REPO, entry)]
    models = os.path.join(REPO, "model")
    if scope == "project" and os.path.isdir(models):
        paths += sorted(os.path.join(models, name) for name in os.listdir(models) if name.endswith(".py"))
    return paths


def imports_of(paths):
    """Yields (module, names that are imported from it) of the import statements at the top level of the files."""
    for path in paths[:MAX_SOURCES]:
        try:
            with open_file(path, "rb") as f:
                source = f.read(MAX_SOURCE + 1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(source, path).body if len(source) <= MAX_SOURCE else []
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            continue  # the program says it when it is run
        for statement in body:
            if isinstance(statement, ast.Import):
                for each in statement.names:
                    yield each.name, ()
            elif isinstance(statement, ast.ImportFrom) and statement.level == 0 and statement.module:
                yield statement.module, tuple(each.name for each in statement.names)


def compile_once(path):
    """Returns {path: its code} for all points; {} if that fails or warns, which each point is to show itself."""
    try:
        with open_file(path, "rb") as f:
            source = f.read(MAX_SOURCE + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return {path: compile(source, path, "exec", dont_inherit=True)} if len(source) <= MAX_SOURCE else {}
    except Exception:
        return {}


# ---- Points ----------------------------------------------------------------------------------------------------------
class Kernel:
    """What Python has no function for. Without ctypes nothing is done.

    A harness that is not hidden can be read by a point: memory and environment, which hold what every point has itself. It cannot be
    changed: the sandbox refuses ptrace and process_vm_writev, and /proc/PID/mem cannot be opened for writing (Landlock; gVisor never
    lets it be written).
    """

    def __init__(self):
        try:
            import ctypes
            self.libc = ctypes.CDLL(None)
        except Exception:
            self.libc = None

    def prctl(self, option, value):
        if self.libc:
            self.libc.prctl(option, value, 0, 0, 0)

    def flush(self):
        """What a library has printed into a buffer of C's would come out at the end of every point."""
        if self.libc:
            self.libc.fflush(None)


KERNEL = Kernel()


DEV_NULL = os.open(os.devnull, os.O_RDONLY)


def serve(mask):
    """Forks for each point. Returns in the process of a point, which may run then, with the signal mask `mask`; in the harness it
    does not return."""
    every = signal.valid_signals()
    # A point may send any signal to a process of the same user.
    signal.pthread_sigmask(signal.SIG_BLOCK, every)
    KERNEL.prctl(PR_SET_DUMPABLE, 0)
    KERNEL.flush()
    # What is loaded lives as long as the process: stand_by() says why that is told to the collector.
    gc.collect()
    gc.freeze()
    say(b"ready\n")
    while True:
        line = read_line()
        if line != b"point\n":
            os._exit(0)
        # Signals that wait count against the limit of the user.
        while signal.sigtimedwait(every, 0) is not None:
            pass
        seed_numpy()
        if fork_point():
            become_point(mask)
            return


def fork():
    """Like os.fork(), but waits a little where the user has too many processes: others of the same user may be about to end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the threads of a library are no fault of the model
        for _ in range(FORK_TRIES):
            try:
                return os.fork()
            except BlockingIOError:
                time.sleep(0.05)
        return os.fork()


def fork_point():
    """Makes the process of a point, a child of `exec`: the process in between ends, and who adopts the other is `exec`.

    Returns True in that process when it may run.
    """
    told, tell = os.pipe()
    allowed, allow = os.pipe()
    between = fork()
    if between == 0:
        pid = fork()
        if pid != 0:
            os.write(tell, b"%d\n" % pid)
            os._exit(0)
    if between == 0:
        for each in (told, tell, allow):
            os.close(each)
        may = os.read(allowed, 1)
        os.close(allowed)
        if not may:
            os.kill(os.getpid(), signal.SIGKILL)  # the harness has ended
        return True
    os.close(tell)
    os.close(allowed)
    pid = os.read(told, 32)
    os.close(told)
    os.waitpid(between, 0)
    if not pid:
        os._exit(1)
    say(pid)
    if read_line() != b"go\n":
        os._exit(0)
    os.write(allow, b"x")
    os.close(allow)
    return False


def seed_numpy():
    """Python's own generator begins anew in a child; that of numpy would give all points the same numbers."""
    random = sys.modules.get("numpy.random")
    if hasattr(random, "seed"):
        random.seed()


def become_point(mask):
    """Makes the process one that has nothing of the harness but the modules."""
    os.setsid()
    os.dup2(DEV_NULL, 0)
    os.close(DEV_NULL)
    KERNEL.prctl(PR_SET_DUMPABLE, 1)
    KERNEL.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # only tests need it, as in launcher.cc
    set_mask(signal.SIG_SETMASK, mask)


# ---- The end of a point ----------------------------------------------------------------------------------------------
# A program may replace functions of modules and values of sys by objects of any type. It ends as any program does all the same: the
# functions that its end needs are taken here, before a program runs.
# The base class of all files. With io.IOBase, which is an abstract base class, issubclass() would call methods of the program's classes.
FILE = FileIO.__mro__[-2]
END, FLUSH_ALL, RUN_AT_EXIT, COLLECT, OBJECTS = os._exit, KERNEL.flush, atexit._run_exitfuncs, gc.collect, gc.get_objects


def leave(exit, loaded):
    """Ends the process of a point as the interpreter does: threads, functions of atexit, objects with files, buffers.

    `exit`: the SystemExit that it ends with; None: it came to its end. The modules `loaded`, which were there before the fork, are
    not taken apart: to write into all of their memory is to copy it, which took a third of a small point's processor time. What
    libraries have registered with atexit(3) is not called: it belongs to the harness, or waits for threads that are not there after
    a fork. Returns where C's buffers cannot be flushed; then the interpreter ends by itself.
    """
    if not KERNEL.libc:
        return
    status = attempt(lambda: status_of(exit), 1)
    attempt(lambda: sys.modules["threading"]._shutdown() if "threading" in sys.modules else None)
    attempt(RUN_AT_EXIT)
    for name in ("stdout", "stderr"):
        if not attempt(lambda: flush_stream(getattr(sys, name, None)), False):
            status = status or EXIT_NOT_FLUSHED
    attempt(lambda: forget_frames(exit))
    held = attempt(lambda: take_modules(loaded), [])
    attempt(flush_files)  # before the collector closes those of a cycle, in an order that may lose what the outer ones hold
    # Only what came after the fork: objects that nothing refers to any more, with all that their __del__ may need.
    attempt(COLLECT)
    for module in held:
        attempt(lambda: clear(module()))
    attempt(flush_files)
    FLUSH_ALL()
    END(status)


def flush_stream(stream):
    """Returns True, or fails as the stream does. A stream without the attribute `closed` counts as open, as for the interpreter."""
    if stream is not None and not attempt(lambda: stream.closed, False):
        stream.flush()
    return True


def forget_frames(exit):
    if exit is not None:
        exit.__traceback__ = exit.__context__ = exit.__cause__ = None


def take_modules(loaded):
    """Takes the modules that came after `loaded` out of sys.modules, and returns weak references to them."""
    names = ["__main__"] + new_names(loaded)
    taken = [sys.modules.pop(name, None) for name in names]
    return [weakref.ref(module) for module in taken if type(module) is types.ModuleType]


def new_names(loaded):
    """The names in sys.modules that are not in `loaded`, the dict of those that were there before the fork, in its order.

    New ones stand behind those, so only they are looked at; all are where the program has taken one of the old ones out.
    """
    found = []
    last = next(reversed(loaded), None)
    for count, name in enumerate(reversed(sys.modules)):
        if name == last and len(sys.modules) - count == len(loaded):
            return found
        if name not in loaded:
            found.append(name)
    return found


def flush_files():
    for each in OBJECTS():
        if issubclass(type(each), FILE):
            attempt(each.flush)


def clear(module):
    """Lets go of what a module holds that something still refers to."""
    names = vars(module) if module is not None else {}
    for name in list(names):
        if name != "__builtins__":
            names[name] = None


def attempt(function, otherwise=None):
    """Returns what the function returns, or `otherwise` if it raises anything: the end of an interpreter goes on after errors."""
    try:
        return function()
    except BaseException:
        return otherwise


def status_of(exit):
    if exit is None or exit.code is None:
        return 0
    if isinstance(exit.code, int):
        code = int(exit.code)
        return code & 0xff if -1 << 63 <= code < 1 << 63 else 0xff
    attempt(lambda: print(exit.code, file=sys.stderr))
    return 1


def say(line):
    os.write(0, line)


def read_line():
    """A line of `exec`, which sends the next only when it was answered; b"" when it has ended."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 65536)
        if not part:
            return b""
        line += part
    return line
