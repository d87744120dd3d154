"""Files and messages of the harness (harness.py). Everything is imported here at once, as harness_values.py says why."""
import json
import os
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # "/" in a pod
REPO = os.path.join(ROOT, "repo")
OUTPUTS = os.path.join(ROOT, "outputs")
UPSTREAM = os.path.join(ROOT, "upstream")
KEPT = os.path.join(OUTPUTS, ".modelrun")

MAX_MESSAGE = 1000  # characters of an error; its parts may come from the model
MAX_WARNING = 2000
MAX_KEPT = 8 << 20  # bytes of run.py's JSON files that are kept while its models run; the agent reads less
MAX_WALK = 20_000  # files under /outputs that are compared; the agent looks at no more

# The program may replace these, or what they need. Ours stay as they were.
open_file, getpid = open, os.getpid
_encode = json.JSONEncoder(allow_nan=True).encode  # the agent refuses NaN with a message that says where it is


# ---- Messages -----------------------------------------------------------------------------------------------------
def printable(text, most=MAX_MESSAGE):
    """Returns `text` as one line that is safe to show, and not longer than `most` characters."""
    text = text if len(text) <= most else text[: most - 3] + "..."
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def say(text):
    """Writes a line to standard error, whatever the program has made of sys.stderr."""
    try:
        os.write(2, ("modelrun: %s\n" % text).encode("utf-8", "replace"))
    except OSError:
        pass


def report(reason, message):
    """Writes an error of the run to standard error and, for the agent, to error.json."""
    message = printable(message)
    say(message)
    write_json(os.path.join(KEPT, "error.json"), {"reason": reason, "message": message})


def warn(text):
    """Writes a warning to standard error and, for the agent, to warning.json."""
    text = printable(text)
    say(text)
    earlier = read_kept("warning.json").get("message")
    text = earlier + "; " + text if isinstance(earlier, str) else text
    write_json(os.path.join(KEPT, "warning.json"), {"message": printable(text, MAX_WARNING)})


# ---- Files --------------------------------------------------------------------------------------------------------
def write_json(path, value):
    """Writes `value` to the file `path` by rename, so that a reader sees the whole file or the previous one."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open_file(path + ".new", "w", encoding="utf-8") as f:
        f.write(_encode(value))
    os.replace(path + ".new", path)


def read_json(path):
    """Returns the value of a JSON file, with or without a byte order mark, as the agent reads it.

    Raises ValueError for malformed JSON or a duplicate key, OSError, or RecursionError.
    """
    def without_duplicates(pairs):
        out = {}
        for key, value in pairs:
            if key in out:
                raise ValueError("duplicate key %.60r" % key)
            out[key] = value
        return out

    with open_file(path, encoding="utf-8-sig") as f:
        return json.load(f, object_pairs_hook=without_duplicates)


def read_kept(name):
    """Returns a JSON object that an earlier step left in .modelrun; {} when there is none that can be read."""
    try:
        value = read_json(os.path.join(KEPT, name))
    except (ValueError, OSError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def output_files():
    """Returns the names of the files NAME.json directly in /outputs, as a set."""
    try:
        names = os.listdir(OUTPUTS)
    except OSError:
        return set()
    return {n for n in names if n.endswith(".json") and len(n) > 5 and os.path.isfile(os.path.join(OUTPUTS, n))}


class Files:
    """What each file under /outputs was, and who wrote it, when the last step of a run ended."""

    def __init__(self):
        self.seen = {}
        self.kept = {}  # name → bytes, of run.py's JSON files

    def look(self):
        found = {}
        for directory, below, names in os.walk(OUTPUTS):
            if directory == OUTPUTS and ".modelrun" in below:
                below.remove(".modelrun")
            for name in names:
                path = os.path.join(directory, name)
                try:
                    info = os.lstat(path)
                except OSError:
                    continue
                found[os.path.relpath(path, OUTPUTS)] = (info.st_ino, info.st_size, info.st_mtime_ns)
                if len(found) >= MAX_WALK:
                    return found
        return found

    def take(self, writer):
        """Notes the files that `writer` left. Returns (name, earlier writer) of those that it changed."""
        found, before = self.look(), self.seen
        changed = [(n, before[n][1]) for n, now in sorted(found.items()) if n in before and before[n][0] != now]
        self.seen = {n: before[n] if n in before and before[n][0] == now else (now, writer) for n, now in found.items()}
        return changed

    def put_back(self, name, writer):
        path = os.path.join(OUTPUTS, name)
        with open_file(path, "wb") as f:
            f.write(self.kept[name])
        info = os.lstat(path)
        self.seen[name] = ((info.st_ino, info.st_size, info.st_mtime_ns), writer)

    def settle(self):
        """Waits until the clock of file times has moved on: a file written again within one tick would look the same."""
        newest = max((now[2] for now, _ in self.seen.values()), default=0)
        for _ in range(50):  # a tick is at most 10 ms; a time in the future is the program's own
            if clock_of_files() > newest:
                break
            time.sleep(0.001)

    def keep(self):
        """Keeps the contents of the JSON files that run.py left, which a model may write again under the same name."""
        names = output_files()
        if sum(self.seen[n][0][1] for n in names if n in self.seen) > MAX_KEPT:
            return
        for name in names:
            with open_file(os.path.join(OUTPUTS, name), "rb") as f:
                self.kept[name] = f.read()


def clock_of_files():
    try:
        return time.clock_gettime_ns(5)  # CLOCK_REALTIME_COARSE, from which the kernel takes the times of files
    except OSError:
        return 0
