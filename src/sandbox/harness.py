"""Runs a Python entry point as `python3 FILE` would, then keeps its module-level dict `result` (or `outputs`).

Installed into the pod and started with `python3 -I -B -u`; standard library only, Python 3.8 and newer. It is part of the
model's own process: nothing here is a border of the sandbox. What it writes is read, without trust, by the agent (src/sandbox/collect.h):
  /outputs/.modelrun/result.json             {"result": {...}, "models": {MODEL: {...}}}
  /outputs/.modelrun/models/MODEL/KEY.json   what a pipeline's model wrote as /outputs/KEY.json
  /outputs/.modelrun/error.json              {"reason": ..., "message": ...}
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
EXIT_NO_ENTRY_POINT = 66


class Refused(Exception):
    """What a model left cannot be an output; the message says where and why."""


class MissingEntryPoint(Exception):
    pass


# ---- Values to JSON ----------------------------------------------------------------------------------------------
def convert(value, path, depth=0):
    """`value` in terms of dict, list, str, int, float, bool and None. Knows numpy and pandas without importing them."""
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
    if kind in ("M", "m"):  # datetime64, timedelta64: item() may be a bare number of nanoseconds
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
    """The module's dict `result`, or `outputs` when it has no `result`; None when it has neither."""
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
    """A reader sees all of it or nothing."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        # NaN is let through here: the agent refuses it and says where.
        json.dump(value, f, allow_nan=True)
    os.replace(path + ".new", path)


def output_files():
    try:
        names = os.listdir(OUTPUTS)
    except OSError:
        return set()
    return {n for n in names if n.endswith(".json") and len(n) > 5 and os.path.isfile(os.path.join(OUTPUTS, n))}


def read_json(path):
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
    """Runs `path` as the program; its globals. Exceptions are the program's own."""
    with open(path, "rb") as f:
        source = f.read()
    module = types.ModuleType("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    sys.modules["__main__"] = module  # multiprocessing and pickle look there
    _alive.append(module)
    sys.argv = [path]
    directory = os.path.dirname(path)
    sys.path[:] = [directory] + ([REPO] if directory != REPO else []) + _library_path
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


_alive = []  # functions of a finished module may still be registered with atexit
_library_path = list(sys.path)


def run_to_end(path):
    """Like run_file; exit(0) is an end like any other."""
    try:
        return run_file(path)
    except SystemExit as e:
        if e.code in (None, 0) and not isinstance(e.code, float):
            return _alive[-1].__dict__
        raise


def entry_path(relative):
    path = os.path.normpath(os.path.join(REPO, relative))
    if not os.path.isfile(path):
        raise MissingEntryPoint("%s is not in the repository at this commit" % relative)
    return path


class Run:
    """What has been gathered so far; written anew after each step, so that a later failure loses nothing."""

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
            return  # a fork of the model's that came to the end of the file
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
        """Moves new /outputs/*.json aside, so that the next model begins with a clean top; name → path."""
        directory = os.path.join(KEPT, "models", model)
        moved = {}
        for name in sorted(output_files() - taken):
            os.makedirs(directory, exist_ok=True)
            moved[name] = os.path.join(directory, name)
            os.replace(os.path.join(OUTPUTS, name), moved[name])
        return moved

    @staticmethod
    def union(model, own, files):
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
def report(reason, message):
    sys.stderr.write("modelrun: %s\n" % message)
    write_json(os.path.join(KEPT, "error.json"), {"reason": reason, "message": message})


def show_exception(error):
    """As the interpreter does it, without our own frames."""
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
        show_exception(e)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException as e:
        show_exception(e)
        sys.exit(1)


if __name__ == "__main__":
    main()
