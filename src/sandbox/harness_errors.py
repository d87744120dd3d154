"""What the harness (harness.py) says about an exception that ended the program."""
import errno
import os
import sys

from harness_files import ROOT, say

HERE = os.path.dirname(__file__)


def text_of(error):
    """Returns the last line of the traceback."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else "%s.%s" % (kind.__module__, kind.__qualname__)
    try:
        text = str(error)
    except Exception:
        text = "<exception str() failed>"
    return "%s: %s" % (name, text) if text else name


def show_exception(error):
    """Prints the exception as the interpreter would, without the stack frames of the harness at its top."""
    tb = error.__traceback__
    while tb is not None and os.path.dirname(tb.tb_frame.f_code.co_filename) == HERE:
        tb = tb.tb_next
    error.__traceback__ = tb
    error.__suppress_context__ = error.__suppress_context__ or isinstance(error.__context__, SystemExit)
    sys.excepthook(type(error), error, tb)
    hint = hint_of(error)
    if hint:
        say(hint)


NO_NETWORK = "models have no network; put what the model reads into the repository or the project's data"
NO_WRITING = "a model can write below /outputs and /tmp only (with a pipeline, also /upstream)"
NETWORK_ERRNOS = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
NETWORK_TEXTS = ("name resolution", "Name or service not known", "could not translate host name", "Could not resolve",
                 "Network is unreachable", "nodename nor servname")


def hint_of(error):
    """Returns a line about the sandbox when the exception, or one that led to it, comes of a rule of the sandbox."""
    seen, waiting = set(), [error]
    while waiting and len(seen) < 50:
        each = waiting.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        hint = hint_of_one(each)
        if hint:
            return hint
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *getattr(each, "exceptions", ())]
    return None


def hint_of_one(error):
    number = getattr(error, "errno", None)
    if type(error).__name__ == "gaierror" or isinstance(error, OSError) and number in NETWORK_ERRNOS:
        return NO_NETWORK
    text = str(error.args[0])[:4000] if error.args else ""
    if any(part in text for part in NETWORK_TEXTS):
        return NO_NETWORK
    if isinstance(error, OSError) and number in (errno.EACCES, errno.EPERM, errno.EROFS):
        paths = [p for p in (error.filename, error.filename2) if isinstance(p, (str, bytes))]
        if number == errno.EROFS or any(refused_to_write(path) for path in paths):
            return NO_WRITING
        tb = error.__traceback__
        while tb is not None and tb.tb_next is not None:
            tb = tb.tb_next
        # The call socket(2) is refused. Other calls that are, such as kill(2), must not be taken for it.
        if not paths and tb is not None and os.path.basename(tb.tb_frame.f_code.co_filename) == "socket.py":
            return NO_NETWORK
    if type(error).__module__ == "sqlite3" and ("readonly database" in text or "unable to open database" in text):
        return NO_WRITING
    return None


def refused_to_write(path):
    path = os.path.abspath(os.fsdecode(path))
    writable = [os.path.join(ROOT, name) for name in ("outputs", "tmp", "upstream")] + ["/dev/shm"]
    if any(path == top or path.startswith(top + "/") for top in writable):
        return False
    return not os.path.lexists(path) or os.access(path, os.R_OK)
