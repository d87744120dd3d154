"""What the attack programs share. Each is run twice, in a ModelRun and in an unhardened control container, where it must succeed:
an attack that is denied everywhere proves nothing. Each prints one line an attack,
  NAME: DENIED errno | NAME: ALLOWED detail | NAME: ABSENT why (the kernel or the image lacks it; not counted)."""
import ctypes
import errno
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)

# Numbers of x86_64; the attacks by number are ABSENT elsewhere.
X86_64 = platform.machine() == "x86_64"


def denied(name, number):
    print("%s: DENIED %s" % (name, errno.errorcode.get(number, number)), flush=True)


def allowed(name, detail=""):
    print("%s: ALLOWED %s" % (name, str(detail).replace("\n", " ")[:200]), flush=True)


def absent(name, why):
    print("%s: ABSENT %s" % (name, why), flush=True)


def syscall(number, *arguments):
    """The result, or -errno."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *converted)
    return result if result >= 0 else -ctypes.get_errno()


def by_number(name, number, *arguments, harmless=()):
    """ALLOWED when the kernel got as far as looking at the arguments: success, or one of the errnos in `harmless`."""
    if not X86_64:
        return absent(name, "not x86_64")
    # In a child: a filter may kill instead of denying, and success must not change this process.
    child = os.fork()
    if child == 0:
        result = syscall(number, *arguments)
        os._exit(0 if result >= 0 or -result in harmless else min(-result, 254))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        print("%s: DENIED killed by signal %d" % (name, os.WTERMSIG(status)), flush=True)
    elif os.WEXITSTATUS(status) == 0:
        allowed(name)
    elif os.WEXITSTATUS(status) == errno.ENOSYS and os.environ.get("ATTACK_CONTROL"):
        absent(name, "the kernel does not have it")
    else:
        denied(name, os.WEXITSTATUS(status))


def attempt(name, action):
    """ALLOWED with what `action` returns, unless it raises OSError; `None` is ABSENT."""
    try:
        detail = action()
    except OSError as e:
        return denied(name, e.errno)
    if detail is None:
        return absent(name, "nothing to attack here")
    allowed(name, detail)


def verdicts(text):
    """{attack: (verdict, detail)} of what a program printed."""
    found = {}
    for line in text.splitlines():
        for verdict in ("DENIED", "ALLOWED", "ABSENT"):
            name, mark, detail = line.partition(": %s" % verdict)
            if mark:
                found[name] = (verdict, detail.strip())
                break
    return found
