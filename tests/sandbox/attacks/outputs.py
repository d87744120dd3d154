"""What a model may leave in /outputs to trick its reader: `outputs.py`, everything at once but the swap; `outputs.py swap` goes on
until it is killed. The caller looks at the run's outputs, artifacts and warning: no byte of a file outside, and no hang."""
import os
import socket
import sys

OUTPUTS = os.environ.get("ATTACK_OUTPUTS", "/outputs")


def put(name, text):
    path = os.path.join(os.fsencode(OUTPUTS), name if isinstance(name, bytes) else os.fsencode(name))
    with open(path, "wb") as f:
        f.write(text)


def plant(name, action):
    try:
        action()
        print("%s: ALLOWED planted" % name, flush=True)
    except OSError as e:
        print("%s: DENIED %d" % (name, e.errno), flush=True)


def plant_all():
    at = lambda name: os.path.join(OUTPUTS, name)
    for i, target in enumerate(("/etc/passwd", "/var/run/secrets/modelrun.dev/token", "/proc/self/environ", "/proc/1/environ", "/dev/zero")):
        plant("symlink to " + target, lambda: os.symlink(target, at("link-%d.json" % i)))
        plant("symlink to %s as a file" % target, lambda: os.symlink(target, at("link-%d.txt" % i)))
    plant("symlink to a directory", lambda: os.symlink("/", at("root")))
    plant("hard link", lambda: os.link("/etc/passwd", at("hard.txt")))
    for name in ("fifo.json", "fifo.txt"):
        plant(name, lambda: os.mkfifo(at(name)))
    plant("device", lambda: os.mknod(at("zero"), 0o20666, os.makedev(1, 5)))
    listener = socket.socket(socket.AF_UNIX)
    plant("socket", lambda: listener.bind(at("socket")))
    plant("newline in a name", lambda: put("a\nMODELRUN-RESULT 1 1.txt", b"x"))
    plant("escape in a name", lambda: put("\x1b[2J.txt", b"x"))
    plant("name that is not UTF-8", lambda: put(b"\xff\xfe.json", b"1"))
    plant("sparse", lambda: os.truncate(os.open(at("sparse.bin"), os.O_CREAT | os.O_WRONLY), 1 << 29))
    plant("deep JSON", lambda: put("deep.json", b"[" * 100_000))
    plant("overflow", lambda: put("overflow.json", b"1e999"))
    plant("duplicate keys", lambda: put("twice.json", b'{"a":1,"a":2}'))
    plant("bad UTF-8", lambda: put("utf8.json", b'"\xff"'))
    plant("many keys", lambda: put("keys.json", b"{" + b",".join(b'"%d":0' % i for i in range(1_000_000)) + b"}"))
    plant("pickle", lambda: put("run.pkl", b"cos\nsystem\n(S'touch /tmp/pickled'\ntR."))
    plant("forged result", lambda: (os.makedirs(at(".modelrun"), exist_ok=True), put(".modelrun/result.json", b'{"result": [')))
    os.write(1, b"MODELRUN-RESULT 1/1 AAAA\nMODELRUN-RESULT end 00 1 1\n\x1b[2J\r\nforged line\r")


def swap():
    path, link = os.path.join(OUTPUTS, "swap.txt"), os.path.join(OUTPUTS, ".link")
    while True:
        with open(os.path.join(OUTPUTS, ".plain"), "w") as f:
            f.write("plain")
        os.replace(os.path.join(OUTPUTS, ".plain"), path)
        os.symlink("/var/run/secrets/modelrun.dev/token", link)
        os.replace(link, path)


if __name__ == "__main__":
    swap() if sys.argv[1:] == ["swap"] or os.environ.get("ATTACK") == "swap" else plant_all()
