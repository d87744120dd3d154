"""Runs a Python entry point as `python3 FILE` would, then saves its module-level dict `result` (or `outputs`).

The agent installs this file into the pod, where it is started with `python3 -I -B -u`. It uses only the standard
library and runs on Python 3.8 and newer. It is part of the model's own process, so nothing here is a border of the
sandbox. It writes these files, which the agent reads without trusting them (src/sandbox/collect.h):
  /outputs/.modelrun/result.json             {"result": {...}, "models": {MODEL: {...}}}
  /outputs/.modelrun/models/MODEL/KEY.json   what a pipeline's model wrote as /outputs/KEY.json
  /outputs/.modelrun/error.json              {"reason": ..., "message": ...}
When the entry point is a pipeline, it also writes the outputs of each of its models for the models that run later:
  /upstream/MODEL/outputs.json               the model's `result` and its files together, as one JSON object
"""
import json
import keyword
import os
import signal
import sys
import types

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # "/" in a pod
REPO = os.path.join(ROOT, "repo")
OUTPUTS = os.path.join(ROOT, "outputs")
UPSTREAM = os.path.join(ROOT, "upstream")
KEPT = os.path.join(OUTPUTS, ".modelrun")

MAX_DEPTH = 100
MAX_MESSAGE = 1000  # characters of an error; its parts may come from the model
EXIT_NO_ENTRY_POINT = 66


class Refused(Exception):
    """A value or file of the model cannot be an output, or PIPELINE is malformed; the message says where and why."""


class MissingEntryPoint(Exception):
    pass


# ---- Values to JSON ----------------------------------------------------------------------------------------------
def convert(value, path, depth=0):
    """Converts `value` to dict, list, str, int, float, bool and None; raises Refused when that is impossible.

    Handles values of numpy and pandas without importing these packages. `path` is the JSON pointer of `value`, for
    messages.
    """
    if depth > MAX_DEPTH:
        raise Refused("at %s: nested deeper than %d levels" % (path or "/", MAX_DEPTH))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        return convert_dict(value, path, depth)
    if isinstance(value, (list, tuple)):
        return [convert(item, "%s/%d" % (path, i), depth + 1) for i, item in enumerate(value)]
    family = type(value).__module__.split(".")[0]
    if family == "numpy":
        return convert_numpy(value, path, depth)
    if family == "pandas":
        return convert_pandas(value, path, depth)
    return convert_other(value, path, depth)


def convert_dict(value, path, depth):
    out = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise Refused("at %s: the key %.60r is a %s; keys must be strings" % (path or "/", key, type(key).__name__))
        key = str.__str__(key)
        out[key] = convert(item, "%s/%s" % (path, key.replace("~", "~0").replace("/", "~1")), depth + 1)
    return out


def convert_numpy(value, path, depth):
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind in ("M", "m"):  # datetime64, timedelta64: item() may return a plain number of nanoseconds
        texts = value.astype(str).tolist()
        return convert(_without_nat(texts), path, depth)
    if hasattr(value, "tolist"):
        return convert(value.tolist(), path, depth)
    return convert_other(value, path, depth)


def _without_nat(texts):
    if isinstance(texts, list):
        return [_without_nat(text) for text in texts]
    return None if texts == "NaT" else texts


def convert_pandas(value, path, depth):
    name = type(value).__name__
    if name in ("NAType", "NaTType"):
        return None
    if name == "Timestamp":
        return value.isoformat()
    if name == "DataFrame":
        return convert(value.to_dict(orient="records"), path, depth)
    if name == "Series":
        plain = type(value.index).__name__ == "RangeIndex"
        return convert(value.tolist() if plain else {str(k): v for k, v in value.items()}, path, depth)
    if hasattr(value, "tolist"):
        return convert(value.tolist(), path, depth)
    return convert_other(value, path, depth)


def convert_other(value, path, depth):
    import datetime
    import enum
    import pathlib
    import uuid

    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, pathlib.PurePath)):
        return str(value)
    if isinstance(value, enum.Enum):
        return convert(value.value, path, depth + 1)
    hints = {
        "Decimal": "convert it with float() or str()",
        "timedelta": "convert it with .total_seconds()",
        "Timedelta": "convert it with .total_seconds()",
        "set": "convert it with sorted() or list()",
        "frozenset": "convert it with sorted() or list()",
        "bytes": "write a file under /outputs instead",
        "bytearray": "write a file under /outputs instead",
        "complex": "write its parts",
    }
    name = type(value).__name__
    hint = hints.get(name, "convert it to plain values")
    raise Refused("at %s: a value of type %s is not JSON; %s" % (path or "/", name, hint))


def module_result(names, where):
    """Returns the module's dict `result`, or `outputs` when it has no `result`, converted; None when it has neither.

    A variable that is None counts as absent. `names` are the module's globals. Raises Refused.
    """
    for name in ("result", "outputs"):
        value = names.get(name)
        if value is None:
            continue
        if not isinstance(value, dict):
            raise Refused("%s: `%s` is a %s; it must be a dict with string keys" % (where, name, type(value).__name__))
        try:
            return convert(value, "")
        except Refused as e:
            raise Refused("%s: `%s`: %s" % (where, name, e)) from None
    return None


# ---- Files -------------------------------------------------------------------------------------------------------
def write_json(path, value):
    """Writes `value` to the file `path` by rename, so that a reader sees the whole file or the previous one."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        # NaN is allowed here, because the agent refuses it with a message that says where it is.
        json.dump(value, f, allow_nan=True)
    os.replace(path + ".new", path)


def output_files():
    """Returns the names of the files NAME.json directly in /outputs, as a set."""
    try:
        names = os.listdir(OUTPUTS)
    except OSError:
        return set()
    return {n for n in names if n.endswith(".json") and len(n) > 5 and os.path.isfile(os.path.join(OUTPUTS, n))}


def read_json(path):
    """Returns the value of a JSON file.

    Raises ValueError for malformed JSON or a duplicate key, OSError, or RecursionError.
    """
    def without_duplicates(pairs):
        out = {}
        for key, value in pairs:
            if key in out:
                raise ValueError("duplicate key %.60r" % key)
            out[key] = value
        return out

    with open(path, encoding="utf-8") as f:
        return json.load(f, object_pairs_hook=without_duplicates)


# ---- Running -----------------------------------------------------------------------------------------------------
def run_file(path):
    """Runs the file `path` as `__main__` and returns its globals. Lets the exceptions of the program pass through."""
    with open(path, "rb") as f:
        source = f.read()
    module = types.ModuleType("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    sys.modules["__main__"] = module  # multiprocessing and pickle look up __main__ there
    _alive.append(module)
    sys.argv = [path]
    directory = os.path.dirname(path)
    sys.path[:] = [directory] + ([REPO] if directory != REPO else []) + _library_path
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


_alive = []  # keeps the modules: functions of a finished one may still be registered with atexit
_library_path = list(sys.path)


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


class Run:
    """One run, with the results that have been gathered so far.

    The results are written again after each step, so that a later failure does not lose them.
    """

    def __init__(self):
        self.own = None
        self.models = {}

    def save(self):
        if self.own is None and not self.models:
            return
        kept = {"models": self.models}
        if self.own is not None:
            kept["result"] = self.own
        write_json(os.path.join(KEPT, "result.json"), kept)

    def run(self, entry, scope):
        pid = os.getpid()
        names = run_to_end(entry_path(entry))
        if os.getpid() != pid:
            return  # a child that the model forked and that ran to the end of the file
        if scope == "project" and "PIPELINE" in names:
            pipeline = checked_pipeline(names["PIPELINE"], entry)
        else:
            pipeline = []
        self.own = module_result(names, entry)
        self.save()
        taken = output_files()
        for model in pipeline:
            self.run_model(model, taken)

    def run_model(self, model, taken):
        relative = "model/%s.py" % model
        try:
            names = run_to_end(entry_path(relative))
        except BaseException:
            self.move_files(model, taken)
            sys.stderr.write("modelrun: the pipeline ends at the model %s\n" % model)
            raise
        own = module_result(names, relative)
        files = self.move_files(model, taken)
        if own is not None or files:
            self.models[model] = own if own is not None else {}
            self.save()
        write_json(os.path.join(UPSTREAM, model, "outputs.json"), self.union(model, own or {}, files))

    @staticmethod
    def move_files(model, taken):
        """Moves the files /outputs/*.json that are not in `taken` to the directory of `model`.

        The next model then starts without them. Returns a dict from the file's name to its new path.
        """
        directory = os.path.join(KEPT, "models", model)
        moved = {}
        for name in sorted(output_files() - taken):
            os.makedirs(directory, exist_ok=True)
            moved[name] = os.path.join(directory, name)
            os.replace(os.path.join(OUTPUTS, name), moved[name])
        return moved

    @staticmethod
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


def checked_pipeline(value, entry):
    """Returns PIPELINE as a list. Raises Refused when it is malformed, MissingEntryPoint when a model has no file."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise Refused("%s: PIPELINE must be a list of model names" % entry)
    seen = set()
    for name in value:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise Refused("%s: PIPELINE names %.60r, which is not a Python identifier" % (entry, name))
        if name in seen:
            raise Refused("%s: PIPELINE names %s twice" % (entry, name))
        seen.add(name)
        entry_path("model/%s.py" % name)
    return list(value)


# ---- Ends --------------------------------------------------------------------------------------------------------
def printable(text):
    """Returns `text` as one line that is safe to show, and not longer than MAX_MESSAGE characters."""
    text = text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 3] + "..."
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def report(reason, message):
    """Writes an error of the run to standard error and, for the agent, to error.json."""
    message = printable(message)
    sys.stderr.write("modelrun: %s\n" % message)
    write_json(os.path.join(KEPT, "error.json"), {"reason": reason, "message": message})


def show_exception(error):
    """Prints the exception as the interpreter would, without the stack frames of this file at its top."""
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename == __file__:
        tb = tb.tb_next
    error.__traceback__ = tb
    error.__suppress_context__ = error.__suppress_context__ or isinstance(error.__context__, SystemExit)
    sys.excepthook(type(error), error, tb)


def main():
    entry = os.environ.get("MODELRUN_ENTRYPOINT", "run.py")
    try:
        Run().run(entry, os.environ.get("MODELRUN_SCOPE", "project"))
    except SystemExit:
        raise
    except MissingEntryPoint as e:
        report("EntryPointNotFound", str(e))
        sys.exit(EXIT_NO_ENTRY_POINT)
    except Refused as e:
        report("OutputsInvalid", str(e))
    except KeyboardInterrupt as e:
        # End by SIGINT itself, as the interpreter does, so that the parent sees the signal.
        show_exception(e)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException as e:
        show_exception(e)
        sys.exit(1)


if __name__ == "__main__":
    main()
