"""Runs a Python entry point as `python3 FILE` would, then saves its module-level dict `result` (or `outputs`).

The agent installs this file and those beside it into the pod, where it is started with `python3 -I -B -u`. It uses only
the standard library and runs on Python 3.8 and newer. It is part of the model's own processes, so nothing here is a border of
the sandbox. It writes these files, which the agent reads without trusting them (src/sandbox/collect.h):
  /outputs/.modelrun/result.json             {"result": {...}, "models": {MODEL: {...}}}
  /outputs/.modelrun/models/MODEL/KEY.json   what a pipeline's model wrote as /outputs/KEY.json
  /outputs/.modelrun/error.json              {"reason": ..., "message": ...}; NonZeroExit: the exception that ended it
  /outputs/.modelrun/warning.json            {"message": ...}
When the entry point is a pipeline, it also writes the outputs of each of its models for the models that run later:
  /upstream/MODEL/outputs.json               the model's `result` and its files together, as one JSON object

In scope `project`, run.py and each model of its PIPELINE have a process of their own, a fork of this one, which runs no code
of the repository (docs/decisions/0012-a-process-for-each-model.md). It tells its parent which models follow by
.modelrun/pipeline.json.
"""
import sys

_at_start = set(sys.modules)

import keyword
import os
import pwd
import signal
import types
import warnings
from importlib.machinery import SourceFileLoader

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness_errors import show_exception, text_of
from harness_files import (KEPT, OUTPUTS, REPO, UPSTREAM, Files, getpid, open_file, output_files, printable, read_json, read_kept, report, say, warn,
                           write_json)
from harness_standby import hides, module_names, stand_by, start_anew
from harness_values import Refused, convert

del sys.path[0]

EXIT_NO_ENTRY_POINT = 66

_library_path = list(sys.path)
_mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
_leave = None  # in the process of a point: what ends it
# In the process of a point, from before the fork: what names_by_root() gives, and the code of the files that could be compiled.
_by_root, _compiled = None, {}
_alive = []  # keeps the modules: functions of a finished one may still be registered with atexit


class MissingEntryPoint(Exception):
    pass


# ---- Running -----------------------------------------------------------------------------------------------------
def run_file(path):
    """Runs the file `path` as `__main__` and returns its globals. Lets the exceptions of the program pass through."""
    code = _compiled.get(path)
    if code is None:
        with open_file(path, "rb") as f:
            source = f.read()
    module = types.ModuleType("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    module.__loader__ = SourceFileLoader("__main__", path)
    module.__cached__ = None
    sys.modules["__main__"] = module  # multiprocessing and pickle look up __main__ there
    _alive.append(module)
    sys.argv = [path]
    directory = os.path.dirname(os.path.realpath(path))  # where a symbolic link leads to, as the interpreter does it
    own_path = [directory] + ([REPO] if directory != os.path.realpath(REPO) else [])
    sys.path[:] = own_path + _library_path
    forget_modules(own_path)
    exec(code or compile(source, path, "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


def forget_modules(directories):
    """Lets the program import its own file where it has the name of a module that only the harness has imported."""
    by_root = names_by_root() if _by_root is None else _by_root
    for root in module_names(directories):
        for name in by_root.get(root, ()):
            sys.modules.pop(name, None)


def names_by_root():
    """Returns the names of the modules that were not there at the start, by the part before the first dot."""
    found = {}
    for name in sys.modules:
        if name not in _at_start:
            found.setdefault(name.split(".")[0], []).append(name)
    return found


def run_to_end(path):
    """Like run_file, but a program that calls exit(0) counts as one that ran to its end."""
    try:
        return run_file(path)
    except SystemExit as e:
        if e.code in (None, 0) and not isinstance(e.code, float):
            return _alive[-1].__dict__
        raise


def entry_path(relative):
    """Returns the path of a file of the repository. Raises MissingEntryPoint when there is no such file."""
    path = os.path.normpath(os.path.join(REPO, relative))
    if not os.path.isfile(path):
        raise MissingEntryPoint("%s is not in the repository at this commit" % relative)
    return path


def module_result(names, where):
    """Returns the module's dict `result`, or `outputs` when `result` is none, converted; None when neither is a dict.

    A variable of another type is the program's own: it is told of in a warning when nothing else is the result. `names` are
    the module's globals. Raises Refused.
    """
    others = []
    for name in ("result", "outputs"):
        value = names.get(name)
        if isinstance(value, dict):
            try:
                return convert(value)
            except Refused as e:
                raise Refused("%s: `%s`: %s" % (where, name, e)) from None
        if value is not None:
            others.append("%s: `%s` is a %s and not a dict, so it is no output" % (where, name, type(value).__name__))
    for text in others:
        warn(text)
    return None


def pipeline_of(names, entry):
    """Returns the models in PIPELINE; none when it is not a list of names, which a warning tells.

    Raises Refused when it is malformed, MissingEntryPoint when a model has no file.
    """
    value = names.get("PIPELINE")
    if value is None:
        return []
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        warn("%s: PIPELINE, a %s, is not a list of model names, so no model was run" % (entry, type(value).__name__))
        return []
    seen = set()
    for name in value:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise Refused("%s: PIPELINE names %.60r, which is not a Python identifier" % (entry, name))
        if name in seen:
            raise Refused("%s: PIPELINE names %s twice" % (entry, name))
        seen.add(name)
        entry_path("model/%s.py" % name)
    return [str.__str__(name) for name in value]


def run_entry(entry, scope, model=None):
    """Runs one entry point to its end and saves its result. `model`: its name in the pipeline."""
    pid = getpid()
    try:
        names = run_to_end(entry_path(entry))
        if getpid() != pid:
            return  # a child that the model forked and that ran to the end of the file
        if scope == "project" and model is None:
            pipeline = pipeline_of(names, entry)
        else:
            pipeline = []
        own = module_result(names, entry)
        if own is not None:
            kept = {"models": {}, **read_kept("result.json")}
            if model is None:
                kept["result"] = own
            else:
                kept["models"][model] = own
            write_json(os.path.join(KEPT, "result.json"), kept)
        if pipeline:
            write_json(os.path.join(KEPT, "pipeline.json"), {"models": pipeline})
    except SystemExit as e:
        if isinstance(e.code, str):
            note_failure(entry, model, pid, e.code)
        raise
    except MissingEntryPoint as e:
        report("EntryPointNotFound", str(e))
        sys.exit(EXIT_NO_ENTRY_POINT)
    except Refused as e:
        report("OutputsInvalid", str(e))
    except BaseException as e:
        note_failure(entry, model, pid, text_of(e))
        show_exception(e)
        if not isinstance(e, KeyboardInterrupt):
            sys.exit(1)
        die_of(signal.SIGINT)  # as the interpreter does, so that the parent sees the signal


# ---- Pipelines ---------------------------------------------------------------------------------------------------
def run_project(entry):
    """Runs the entry point and then each model of its PIPELINE, each in a process of its own, and ends as they do."""
    run_in_child(entry)
    pipeline = read_kept("pipeline.json").get("models", [])
    if not isinstance(pipeline, list) or not all(isinstance(m, str) and m.isidentifier() for m in pipeline):
        return
    files = Files()
    if pipeline:
        files.take(entry)
        files.keep()
    for model in pipeline:
        files.settle()
        run_model(model, files)
        if os.path.exists(os.path.join(KEPT, "error.json")):
            return


def run_model(model, files):
    relative = "model/%s.py" % model
    status = run_in_child(relative, model)
    changed = files.take(relative)
    moved = move_files(model, files)
    if status != 0:
        note_failure(relative, model, getpid(), "the pipeline ends here", only_first=True)
        say("the pipeline ends at the model %s" % model)
        end_like(status)
    if read_kept("error.json").get("reason") == "NonZeroExit":
        os.unlink(os.path.join(KEPT, "error.json"))  # its excepthook has made the end a good one
    for name, earlier in changed:
        if name not in moved:
            raise Refused("/outputs/%s was written by %s and written again by %s; give each a name of its own"
                          % (name, earlier, relative))
        if name not in files.kept:
            raise Refused("the output %.60r comes twice: from /outputs/%s of %s and from the model %s"
                          % (name[: -len(".json")], name, earlier, model))
    kept = {"models": {}, **read_kept("result.json")}
    own = kept["models"].get(model)
    if own is None and moved:
        kept["models"][model] = {}
        write_json(os.path.join(KEPT, "result.json"), kept)
    write_json(os.path.join(UPSTREAM, model, "outputs.json"), union(model, own or {}, moved))


def move_files(model, files):
    """Moves the files /outputs/*.json that the model has written to its directory, and puts back what run.py wrote.

    The next model then starts without them. Returns a dict from the file's name to its new path.
    """
    directory = os.path.join(KEPT, "models", model)
    moved = {}
    for name in sorted(output_files()):
        if files.seen.get(name, (None, ""))[1] != "model/%s.py" % model:
            continue
        os.makedirs(directory, exist_ok=True)
        moved[name] = os.path.join(directory, name)
        os.replace(os.path.join(OUTPUTS, name), moved[name])
        del files.seen[name]
        if name in files.kept:
            files.put_back(name, entry_point())
    return moved


def union(model, own, files):
    """Returns the model's result and the values of its files as one dict.

    Raises Refused when a key is in both or when a file cannot be read as JSON.
    """
    out = dict(own)
    for name, path in files.items():
        key = name[: -len(".json")]
        where = "/outputs/%s of the model %s" % (name, model)
        if key in out:
            raise Refused("the output %.60r comes twice: from the model's result and from %s" % (key, where))
        try:
            out[key] = read_json(path)
        except (ValueError, OSError, RecursionError) as e:
            raise Refused("%s: %s" % (where, e)) from None
    return out


def run_in_child(entry, model=None):
    """Runs an entry point in a new process, which does not return from here. Returns how it ended, as waitpid() says it.

    Signals are for the child. Here they wait, because this process must outlive it: `exec` takes the end of this process for
    the end of the run. When run.py has not ended well, ends this process in the same way.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    if signal.SIGTERM in signal.sigpending():
        die_of(signal.SIGTERM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the threads of a preloaded library are no fault of the model
        pid = os.fork()
    if pid == 0:
        os.setsid()  # a signal to its process group is not for us
        signal.pthread_sigmask(signal.SIG_SETMASK, _mask)
        run_entry(entry, "project", model)
        sys.exit(0)
    status = os.waitpid(pid, 0)[1]
    if model is None and status != 0:
        end_like(status)
    return status


def end_like(status):
    if os.WIFSIGNALED(status):
        die_of(os.WTERMSIG(status))
    sys.exit(os.WEXITSTATUS(status))


def die_of(number):
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])


# ---- Ends ---------------------------------------------------------------------------------------------------------
def note_failure(entry, model, pid, text, only_first=False):
    """Leaves the line that says why the program failed for the agent, as far as that is possible."""
    path = os.path.join(KEPT, "error.json")
    if getpid() != pid or only_first and os.path.exists(path):
        return
    text = text if model is None else "%s: %s" % (entry, text)
    try:
        write_json(path, {"reason": "NonZeroExit", "message": printable(text)})
    except OSError:
        pass  # a full /outputs must not hide the program's own error


def give_name():
    """Gives the process's user an entry of the password database where the image has none, as Python sees it."""
    uid = os.getuid()
    try:
        pwd.getpwuid(uid)
        return
    except KeyError:
        pass
    home = os.environ.get("HOME", "/tmp")
    entry = pwd.struct_passwd((os.environ.get("USER", "modelrun"), "x", uid, os.getgid(), "", home, "/bin/sh"))
    by_uid, by_name = pwd.getpwuid, pwd.getpwnam

    def getpwuid(number):
        return entry if number == uid else by_uid(number)

    def getpwnam(name):
        return entry if name == entry.pw_name else by_name(name)

    pwd.getpwuid, pwd.getpwnam = getpwuid, getpwnam


def entry_point():
    """What the operator has set, relative to the repository; in a standby once there is a run."""
    return os.environ.get("MODELRUN_ENTRYPOINT", "run.py")


def run_scope():
    return os.environ.get("MODELRUN_SCOPE", "project")


def own_directories():
    return {REPO, os.path.join(REPO, "model"), os.path.dirname(os.path.realpath(os.path.join(REPO, entry_point())))}


def await_run(preload):
    """In a standby: loads modules and waits for the run. Starts anew where the run would have loaded something else."""
    work, loaded = stand_by(preload)
    points = [] if not work.get("points") else ["points"] if work.get("imports") else ["points", "bare"]
    if hides(loaded, own_directories()):
        start_anew(os.path.abspath(__file__), *points)
    if points:
        await_point("bare" in points)


def await_point(bare):
    """In a run with points. Returns in the process of a point."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import harness_points  # no run without points waits for it; none of the program's code has run in this process
    del sys.path[0]
    if not bare:
        own = own_directories()
        paths = harness_points.sources(entry_point(), run_scope())
        loaded = harness_points.import_what_they_import(paths, module_names(own))
        # One that needs a module of a name that the repository has would have found the repository's.
        if loaded is None or hides(loaded, own):
            start_anew(os.path.abspath(__file__), "points", "bare")
    global _leave, _by_root, _compiled
    # What is done here is not done in each point. Memory is copied where a point writes, and each use of an object writes its
    # number of references, so that to look at the names of all modules is to copy most of their memory.
    _by_root = names_by_root()
    _compiled = harness_points.compile_once(os.path.normpath(os.path.join(REPO, entry_point())))
    give_name()
    loaded = dict.fromkeys(sys.modules)
    harness_points.serve(_mask)

    def leave(end):
        _alive.clear()
        harness_points.leave(end, loaded)

    _leave = leave


def main():
    preload = os.environ.pop("MODELRUN_PRELOAD", None)
    if sys.argv[1:2] == ["points"]:
        await_point("bare" in sys.argv)
    elif preload is not None:
        await_run(preload)
    if _leave is None:
        give_name()
    if run_scope() != "project":
        return run_entry(entry_point(), "model")
    try:
        run_project(entry_point())
    except Refused as e:
        report("OutputsInvalid", str(e))


if __name__ == "__main__":
    try:
        main()
    except SystemExit as e:
        if _leave is None:
            raise
        _leave(e)
        raise
    if _leave is not None:
        _leave(None)
