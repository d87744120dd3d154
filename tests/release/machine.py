"""A machine for the plugin that has nothing but it: a root directory, an API server that knows one run, and a DNS server that knows one name."""

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import tarfile
import threading

from local_server import Answers, LocalServer, server_tls
from released import RELEASE

IN_HOSTS, IN_DNS, UNTRUSTED = "hosts.test", "dns.test", "other.test"
DNS_ADDRESS = "127.0.0.77"  # of this machine, and of nobody else's server
RUN = {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRun", "metadata": {"name": "the-only-run", "namespace": "n", "uid": "u", "resourceVersion": "1"},
       "spec": {"project": "forecasts", "scope": "project"}, "status": {"phase": "Succeeded"}}


class Api(Answers):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # pylint: disable=invalid-name
        is_list = self.path.split("?")[0] == "/apis/modelrun.dev/v1alpha1/namespaces/n/modelruns"
        self.answer(200 if is_list else 404, {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRunList", "metadata": {"resourceVersion": "1"}, "items": [RUN]} if is_list else {})


@contextlib.contextmanager
def api_server():
    """Its port; its certificate is for localhost and two names, and ca.crt."""
    tls = server_tls(RELEASE.work, "DNS:localhost", f"DNS:{IN_HOSTS}", f"DNS:{IN_DNS}")
    with LocalServer("127.0.0.1", Api, tls) as server:
        yield server.port


def dns_answer(query):
    """127.0.0.1 for IN_DNS's A record, no record for its others, and that there is no such name for every other."""
    end = 12
    while query[end]:
        end += query[end] + 1
    question = query[12:end + 5]
    known = question[:-4] == b"".join(bytes([len(label)]) + label for label in IN_DNS.encode().split(b".")) + b"\0"
    is_address = known and question[-4:-2] == b"\0\1"
    header = query[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, int(is_address), 0, 0)
    return header + question + (b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" if is_address else b"")


@contextlib.contextmanager
def dns_server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((DNS_ADDRESS, 53))

        def serve():
            with contextlib.suppress(OSError):  # closed
                while True:
                    query, client = server.recvfrom(512)
                    if not query:
                        return
                    server.sendto(dns_answer(query), client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
                stop.sendto(b"", (DNS_ADDRESS, 53))
            thread.join(10)


class Root:
    """The root directory: the plugin of the release and, as each test wants, files in /etc."""

    def __init__(self, name):
        self.path = RELEASE.at(name)
        os.makedirs(os.path.join(self.path, "etc"))
        program = os.path.join(self.path, "kubectl-modelrun")
        with tarfile.open(RELEASE.plugin) as tar, open(program, "wb") as file:
            shutil.copyfileobj(tar.extractfile("kubectl-modelrun"), file)
        os.chmod(program, 0o755)
        self.write("/etc/hosts", f"127.0.0.1 localhost\n127.0.0.1 {IN_HOSTS} {UNTRUSTED}\n")
        self.write("/etc/resolv.conf", f"nameserver {DNS_ADDRESS}\noptions timeout:2 attempts:1\n")

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.path + path), exist_ok=True)
        with open(self.path + path, "w", encoding="utf-8") as file:
            file.write(text)

    def copy(self, source, path):
        os.makedirs(os.path.dirname(self.path + path), exist_ok=True)
        shutil.copy(source, self.path + path)

    def get(self, host, port, authority="/api.pem"):
        """`get` of the run, by that name of the server: exit code and what it says."""
        cluster = {"server": f"https://{host}:{port}"} | ({"certificate-authority": authority} if authority else {})
        self.write("/kubeconfig", json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [{"name": "c", "cluster": cluster}],
                                              "users": [{"name": "u", "user": {"token": "t"}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "n"}}]}))
        command = [shutil.which("chroot"), self.path, "/kubectl-modelrun", "--kubeconfig", "/kubeconfig", "get"]
        done = subprocess.run(command, env={"PATH": "/"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
        return done.returncode, done.stdout
