"""How the harness (harness.py) waits for work in a standby: it loads modules before there is a run, and then goes on to be it."""
import gc
import importlib
import json
import os
import sys

DEFAULT = ("numpy", "pandas")  # those of them that the image has


def stand_by(names):
    """Loads modules, waits for work on the standard input, and takes over the run's environment.

    `names` are those of spec.warm.preload, separated by commas, or "*". Returns the work and the names of all modules that were
    loaded. Does not return when there will be no work. Raises what the import of a module raises.
    """
    before = set(sys.modules)
    if names == "*":
        preload_default()
    else:
        for name in filter(None, names.split(",")):
            importlib.import_module(name)
    loaded = set(sys.modules) - before
    # What was loaded lives as long as the process. At its end the interpreter would look through all of it for cycles, which takes
    # longer than a small model.
    gc.collect()
    gc.freeze()
    work = json.loads(wait_for_work())
    os.environ.update(work["environment"])
    if not work.get("points"):
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
    return work, loaded


def preload_default():
    for name in DEFAULT:
        try:
            importlib.import_module(name)
        except Exception:  # not in the image, or not whole: the run will say so if it needs it
            for each in [m for m in sys.modules if m.split(".")[0] == name]:
                del sys.modules[each]


def wait_for_work():
    """Says that the process is ready, and reads a line."""
    os.write(0, b"ready\n")
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 65536)
        if not part:
            os._exit(0)
        line += part
    return line


def module_names(directories):
    """Returns the names of the modules that a program whose files are in these directories can import from there."""
    names = set()
    for directory in directories:
        try:
            entries = os.listdir(directory)
        except OSError:
            continue
        names |= {e.split(".")[0] for e in entries if e.endswith((".py", ".so", ".pyc"))}
        names |= {e for e in entries if os.path.isfile(os.path.join(directory, e, "__init__.py"))}
    return names


def hides(loaded, directories):
    """Returns whether one of the directories has a module with the name of one that was loaded before there was a run.

    Python would have imported that one instead if the import had come after the start of the program.
    """
    return not module_names(directories).isdisjoint(name.split(".")[0] for name in loaded)


def start_anew(program, *arguments):
    """Replaces the process by one that has loaded nothing, as in a pod that was made for the run."""
    os.execv(sys.executable, [sys.executable, "-I", "-B", "-u", program, *arguments])
