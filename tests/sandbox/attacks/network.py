"""Connections that must not be made, the first within the first moments of the program. See attack.py.
The control container gets the same addresses; ATTACK_TARGETS adds HOST:PORT words (a canary listener's, for example)."""
import os
import socket

from attack import attempt


def connect(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(3)
        try:
            s.connect((host, port))
        except ConnectionRefusedError:
            return "refused by the peer: it was reached"
        return "connected"


def send_udp(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"attack", (host, port))
    return "sent"


def abstract(name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.connect("\0" + name)
    return "connected"


def agent():
    name = os.environ.get("ATTACK_AGENT", "modelrun-agent")  # of a pod in which the agent installs nothing
    if os.path.exists("/modelrun/.installed"):
        with open("/modelrun/.installed") as f:
            name = f.read()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect("\0" + name)
    return "connected"


def targets():
    known = {"metadata": ("169.254.169.254", 80), "localhost": ("127.0.0.1", 80), "localhost 6": ("::1", 80)}
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        known["API server"] = (os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"]))
    for i, word in enumerate(os.environ.get("ATTACK_TARGETS", "").split()):
        host, port = word.rsplit(":", 1)
        known["target %d" % i] = (host, int(port))
    return known


if __name__ == "__main__":
    for name, (host, port) in targets().items():
        attempt("connect to " + name, lambda host=host, port=port: connect(host, port))
    attempt("UDP to DNS", lambda: send_udp("10.96.0.10", 53))
    attempt("look up a name", lambda: socket.getaddrinfo("kubernetes.default.svc", 443) and "found")
    for path in ("/run/containerd/containerd.sock", "/var/run/docker.sock"):
        def unix(path=path):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                s.connect(path)
            return "connected"
        attempt("connect to " + path, unix)
    attempt("connect to the agent", agent)
    with open("/proc/net/unix") as f:
        names = {line.split()[-1][1:] for line in f if line.rstrip().split()[-1].startswith("@")}
    for name in sorted(names)[:5]:
        attempt("abstract socket " + name, lambda name=name: abstract(name))
    if not names:
        attempt("abstract socket", lambda: abstract("modelrun"))
