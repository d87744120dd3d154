"""Ways into the kernel, and at PID 1. See attack.py."""
import ctypes
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys

from attack import LIBC, X86_64, absent, allowed, attempt, by_number, denied

CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID = 0x10000000, 0x40000000, 0x00020000, 0x20000000


def sockets():
    kinds = {"AF_ALG": (38, socket.SOCK_SEQPACKET, 0), "AF_VSOCK": (40, socket.SOCK_STREAM, 0), "AF_PACKET": (17, socket.SOCK_RAW, 0),
             "AF_NETLINK": (16, socket.SOCK_RAW, 0), "AF_INET raw": (2, socket.SOCK_RAW, 1), "AF_INET": (2, socket.SOCK_STREAM, 0),
             "AF_INET6": (10, socket.SOCK_STREAM, 0), "AF_KEY": (15, socket.SOCK_RAW, 2), "AF_XDP": (44, socket.SOCK_RAW, 0),
             "AF_BLUETOOTH": (31, socket.SOCK_RAW, 1), "AF_CAN": (29, socket.SOCK_RAW, 1), "AF_TIPC": (30, socket.SOCK_SEQPACKET, 0)}
    for name, (family, kind, protocol) in kinds.items():
        try:
            socket.socket(family, kind, protocol).close()
            allowed("socket " + name)
        except OSError as e:
            missing = e.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT)
            absent("socket " + name, "the kernel does not have it") if missing else denied("socket " + name, e.errno)


def other_abis():
    """The same calls by another door: x32 numbers and the 32-bit entry."""
    by_number("x32 socket", 0x40000000 | 41, 38, 5, 0)
    by_number("x32 getpid", 0x40000000 | 39)
    if not X86_64:
        return absent("int80 socketcall", "not x86_64")
    int80("int80 getpid", 20, (), lambda result: result == os.getpid())
    int80("int80 socketcall AF_INET", 102, (2, 1, 0), lambda result: result >= 0)
    int80("int80 socketcall AF_ALG", 102, (38, 5, 0), lambda result: result >= 0)


def int80(name, number, arguments, succeeds):
    """The 32-bit call `number`; with arguments: socketcall(SYS_SOCKET, arguments), for which they must lie below 4 GiB."""
    size, low = 4096, 0x40  # MAP_32BIT
    LIBC.mmap.restype = ctypes.c_void_p
    page = LIBC.mmap(None, ctypes.c_size_t(size), 7, 0x22 | low, -1, ctypes.c_long(0))
    # push rbx; mov eax, NUMBER; mov ebx, 1; mov ecx, ARGUMENTS; int 0x80; pop rbx; ret
    code = b"\x53\xb8" + number.to_bytes(4, "little") + b"\xbb\x01\x00\x00\x00\xb9" + (page + 64).to_bytes(4, "little") + b"\xcd\x80\x5b\xc3"
    ctypes.memmove(page, code, len(code))
    ctypes.memmove(page + 64, b"".join(each.to_bytes(4, "little") for each in arguments), 4 * len(arguments))
    call = ctypes.CFUNCTYPE(ctypes.c_int)(page)
    child = os.fork()
    if child == 0:
        result = call()
        os._exit(0 if succeeds(result) else min(-result, 254) if result < 0 else 254)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        print("%s: DENIED killed by signal %d" % (name, os.WTERMSIG(status)), flush=True)
    elif status == 0:
        allowed(name)
    elif os.environ.get("ATTACK_CONTROL"):
        absent(name, "the kernel does not have it")
    else:
        denied(name, os.WEXITSTATUS(status))


def calls():
    buffer = ctypes.create_string_buffer(256)
    by_number("io_uring_setup", 425, 4, ctypes.byref(buffer), harmless=(errno.EINVAL,))
    by_number("bpf", 321, 0, ctypes.byref(buffer), 72, harmless=(errno.EINVAL,))
    by_number("userfaultfd", 323, 1)
    by_number("perf_event_open", 298, ctypes.byref(buffer), 0, -1, -1, 0, harmless=(errno.EINVAL, errno.E2BIG, errno.ENOENT))
    by_number("keyctl", 250, 0, -3, 1)
    by_number("add_key", 248, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"k"), ctypes.c_char_p(b"v"), 1, -4)
    by_number("unshare user", 272, CLONE_NEWUSER)
    by_number("unshare mounts", 272, CLONE_NEWNS)
    by_number("unshare net", 272, CLONE_NEWUSER | CLONE_NEWNET)
    by_number("clone user namespace", 56, CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)
    by_number("clone3", 435, ctypes.byref(buffer), 8, harmless=(errno.EINVAL,))
    by_number("setns", 308, -1, 0, harmless=(errno.EBADF,))
    by_number("mount", 165, ctypes.c_char_p(b"none"), ctypes.c_char_p(b"/tmp"), ctypes.c_char_p(b"tmpfs"), 0, 0)
    by_number("fsopen", 430, ctypes.c_char_p(b"tmpfs"), 0)
    by_number("pivot_root", 155, ctypes.c_char_p(b"/"), ctypes.c_char_p(b"/"), harmless=(errno.EBUSY, errno.EINVAL))
    by_number("chroot", 161, ctypes.c_char_p(b"/tmp"))
    by_number("ptrace traceme", 101, 0, 0, 0, 0)
    by_number("process_vm_readv self", 310, os.getpid(), 0, 0, 0, 0, 0)
    by_number("shmget", 29, 0, 4096, 0o1600)
    by_number("semget", 64, 0, 1, 0o1600)
    by_number("msgget", 68, 0, 0o1600)
    by_number("mq_open", 240, ctypes.c_char_p(b"attack"), os.O_CREAT | os.O_RDWR, 0o600, 0)
    by_number("name_to_handle_at", 303, -100, ctypes.c_char_p(b"/"), ctypes.byref(buffer), ctypes.byref(buffer), 0,
              harmless=(errno.EOVERFLOW, errno.EINVAL))
    by_number("open_by_handle_at", 304, -100, ctypes.byref(buffer), 0, harmless=(errno.EINVAL, errno.ESTALE))
    by_number("modify_ldt", 154, 0, ctypes.byref(buffer), 64)
    by_number("personality", 135, 0x0040000)
    by_number("kexec_load", 246, 0, 0, 0, 0)
    by_number("init_module", 175, 0, 0, ctypes.c_char_p(b""), harmless=(errno.EFAULT, errno.ENOEXEC))
    by_number("seccomp listener", 317, 0, 0, 0, harmless=(errno.EINVAL,))
    by_number("vmsplice", 278, 1, ctypes.byref(buffer), 0, 0)
    by_number("kcmp", 312, os.getpid(), os.getpid(), 0, 0, 0)
    by_number("syslog", 103, 10, 0, 0)


def pid_one():
    """PID 1 has our uid; in the control container it is the container's own init."""
    import resource
    attempt("signal 0 to PID 1", lambda: os.kill(1, 0) or "sent")
    attempt("SIGTERM to PID 1", lambda: os.kill(1, signal.SIGTERM) or "sent")
    attempt("prlimit CPU of PID 1", lambda: resource.prlimit(1, resource.RLIMIT_CPU, (3600, 3600)))
    attempt("affinity of PID 1", lambda: os.sched_setaffinity(1, os.sched_getaffinity(0)) or "set")
    attempt("priority of PID 1", lambda: os.setpriority(os.PRIO_PROCESS, 1, 19) or "set")
    attempt("priority of the user", lambda: os.setpriority(os.PRIO_USER, 0, 19) or "set")
    by_number("ioprio of PID 1", 251, 1, 1, 3 << 13)
    by_number("tgkill PID 1", 234, 1, 1, 0)
    by_number("kill PID 1 with garbage above", 62, (1 << 32) | 1, 0)
    by_number("ptrace PID 1", 101, 0x4206, 1, 0, 0)  # PTRACE_SEIZE: unlike ATTACH, stops nobody
    by_number("pidfd_getfd PID 1", 438, -1, 0, 0, harmless=(errno.EBADF,))
    reader, writer = os.pipe()
    import fcntl
    attempt("F_SETOWN PID 1", lambda: fcntl.fcntl(reader, fcntl.F_SETOWN, 1) == 0 and "set")


def other_programs():
    """What a program may do that the model brings itself: none leaves the sandbox by an execve."""
    with open("/bin/true", "rb") as program:
        strings = ctypes.c_char_p * 2
        by_number("execveat of an open file", 322, program.fileno(), ctypes.c_char_p(b""), strings(b"true", None), strings(None, None), 0x1000)
    own = "/tmp/attack-python"
    shutil.copy(os.path.realpath(sys.executable), own)
    for name, argv in {"its own program": [own], "an interpreter of a script": ["/bin/sh", "-c", 'exec "$@"', "sh", sys.executable]}.items():
        ask = "import socket\ntry: socket.socket(2, 1)\nexcept OSError as e: print(e.errno)\nelse: print(0)"
        try:
            number = int(subprocess.run([*argv, "-I", "-c", ask], capture_output=True, text=True).stdout or errno.ENOEXEC)
        except OSError as e:
            number = e.errno
        denied("socket AF_INET of " + name, number) if number else allowed("socket AF_INET of " + name)
    os.unlink(own)


def privileges():
    with open("/proc/self/status") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    allowed("capabilities", status["CapEff"]) if int(status["CapEff"], 16) else denied("capabilities", errno.EPERM)
    allowed("new privileges") if status["NoNewPrivs"] == "0" else denied("new privileges", errno.EPERM)
    attempt("become root", lambda: os.setuid(0) or "root")
    attempt("device node", lambda: os.mknod("/tmp/attack-device", 0o20666, os.makedev(1, 1)) or "made")


if __name__ == "__main__":
    for part in (sockets, other_abis, calls, pid_one, other_programs, privileges):
        part()
