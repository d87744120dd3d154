"""A pod without a cluster: `agent` and `exec` as plain processes below a temporary root, a run server over TLS, `exec` as PID 1
of its own pid namespace, both as an unprivileged uid. Needs root, unshare, setpriv and openssl."""
import atexit
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import ssl
import subprocess
import tarfile
import tempfile
import threading
import time

UID = 61234
UUID = "0b5a7f0e-3a0c-4a3a-9b0e-9f7d1c2b3a4d"
PREFIX = "/v1/attempts/team/forecast-1/%s/1/" % UUID
HARNESS = ["/usr/bin/env", "python3", "-I", "-B", "-u"]

_certificates = None


def certificates():
    """A CA and a certificate for run-server.test, made once; the directory they are in."""
    global _certificates
    if _certificates is None:
        directory = tempfile.mkdtemp(prefix="modelrun-certs-")
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        run = lambda *a: subprocess.run(["openssl", *a], cwd=directory, check=True, capture_output=True)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA", "-days", "2")
        run("req", *key, "-keyout", "key.pem", "-out", "req.pem", "-subj", "/CN=run-server.test")
        with open(directory + "/ext", "w") as f:
            f.write("subjectAltName=DNS:run-server.test\n")
        run("x509", "-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "ext", "-out", "cert.pem")
        _certificates = directory
    return _certificates


def archive(files):
    """A gzip-compressed tar of {path: text}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(path)
            data = text.encode()
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class RunServer:
    """Answers as scripted: `script[path]` is a list of (status, body[, headers]) used up from the front, then the default."""

    def __init__(self, files):
        self.source = archive(files)
        self.script = {"source": [], "result": [], "control": []}
        self.requests = []  # (what, headers, body)
        self.results = []
        self.cancel = threading.Event()
        self.stopping = threading.Event()
        self.changed = threading.Condition()
        self.raw = {}  # what → the bytes of a whole answer, sent instead
        self.digest = None
        self.on_result = lambda: None  # called when a result has come, while the agent waits for the answer
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.answer(self, body)
                self.close_connection = True

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates() + "/cert.pem", certificates() + "/key.pem")
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # a client that went away
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, handler, body):
        what = handler.path[len(PREFIX):] if handler.path.startswith(PREFIX) else "?"
        if what == "result":
            self.on_result()
        with self.changed:
            self.requests.append((what, dict(handler.headers), body))
            status, text, extra = self.choose(what, body)
            self.changed.notify_all()
        if what in self.raw:
            handler.wfile.write(self.raw[what])
            return
        if what == "control" and status is None:
            # A long poll: until cancelled or the test is over.
            while not self.cancel.wait(0.02) and not self.stopping.is_set():
                pass
            status, text = (200, b'{"action":"cancel"}') if self.cancel.is_set() else (204, b"")
        handler.send_response(status)
        for name, value in extra.items():
            handler.send_header(name, value)
        if status != 204:
            handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        if status != 204:
            handler.wfile.write(text)

    def choose(self, what, body):
        if self.script.get(what):
            status, text, *headers = self.script[what].pop(0)
            return status, text, *(headers or [{}])
        if what == "source":
            digest = self.digest or hashlib.sha256(self.source).hexdigest()
            return 200, self.source, {"X-Modelrun-Sha256": digest}
        if what == "control":
            return None, b"", {}
        if what == "result":
            self.results.append(json.loads(gzip.decompress(body)))
            return 200, b"{}", {}
        return 404, b"", {}

    def count(self, what):
        return sum(1 for each in self.requests if each[0] == what)

    def wait(self, condition, seconds=30):
        with self.changed:
            return self.changed.wait_for(condition, seconds)

    def close(self):
        self.stopping.set()
        self.http.shutdown()
        self.http.server_close()


def contents_of(artifact):
    """The contents of an artifact as a frame holds them, or None."""
    if "gzip" in artifact:
        return gzip.decompress(base64.b64decode(artifact["gzip"]))
    return base64.b64decode(artifact["bytes"]) if "bytes" in artifact else None


class Pod:
    """`mounted`: the model's container has the sandbox's files by a volume of the agent's image; else the agent installs them. All tests
    with such a volume: MODELRUN_SANDBOX_FILES=mounted tests/sandbox/run."""

    def __init__(self, binary, files, server=None, timeout=20, env=None, agent_env=None, mounted=os.environ.get("MODELRUN_SANDBOX_FILES") == "mounted"):
        self.binary = binary
        self.server = server or RunServer(files)
        self.timeout = timeout
        self.env = env or {}
        self.agent_env = agent_env or {}
        self.root = tempfile.mkdtemp(prefix="modelrun-pod-")
        os.chmod(self.root, 0o755)
        for name in ("modelrun", "repo", "inputs", "outputs", "upstream", "tmp", "dev", "var/run/secrets/modelrun.dev"):
            os.makedirs(os.path.join(self.root, name))
        for name in ("modelrun", "repo", "outputs", "upstream", "tmp"):
            os.chown(os.path.join(self.root, name), UID, UID)
        self.write("var/run/secrets/modelrun.dev/token", "the-token\n")
        self.write("dev/termination-log", "")
        self.mounted = mounted
        if mounted:
            self.make_volume()
        self.agent = self.exec = None

    def make_volume(self):
        """As the agent's image is made, by images/agent.sh; and the name at which both containers meet."""
        shutil.copy(self.binary, self.path("modelrun/modelrun-sandbox"))
        subprocess.run([self.binary, "write-harness", self.path("modelrun")], check=True)
        os.chown(self.path("modelrun"), 0, 0)
        name = {"MODELRUN_AGENT_SOCKET": "modelrun-agent-" + os.path.basename(self.root)}
        self.env = {**self.env, **name}
        self.agent_env = {**self.agent_env, **name}

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chown(self.path(name), UID, UID)

    def start_agent(self, prefix=()):
        with open(certificates() + "/ca.pem") as f:
            ca = f.read()
        env = {
            "PATH": "/usr/bin:/bin", "MODELRUN_RUN_SERVER": "127.0.0.1:%d" % self.server.port,
            "MODELRUN_RUN_SERVER_NAME": "run-server.test", "MODELRUN_RUN_SERVER_CA": ca, "MODELRUN_NAMESPACE": "team",
            "MODELRUN_RUN_NAME": "forecast-1", "MODELRUN_RUN_ID": UUID, "MODELRUN_ATTEMPT": "1", **self.agent_env,
        }
        self.agent = self.start(["agent", "--root", self.root], env, "agent", prefix)
        return self

    def start_exec(self, argv=None, out=None):
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin", "MODELRUN_TIMEOUT_SECONDS": str(self.timeout),
            "MODELRUN_LANDLOCK": "optional", "TMPDIR": self.path("tmp"), "MODELRUN_RUN_ID": UUID, "MODELRUN_SCOPE": "project",
            "MODELRUN_ENTRYPOINT": "run.py", **self.env,
        }
        argv = argv or HARNESS + [self.path("modelrun/harness.py")]
        # As in a pod, the agent's token is not mounted here.
        hide = ["sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', self.path("var/run/secrets")]
        inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", *hide]
        self.exec = self.start(["exec", "--root", self.root, "--", *argv], env, "exec", inside, out)
        return self

    def start(self, arguments, env, name, prefix, stdout=None):
        """`stdout`: a descriptor to write to instead of a file."""
        drop = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
        with open(self.path(name + ".out"), "wb") as out, open(self.path(name + ".err"), "wb") as err:
            return subprocess.Popen([*prefix, *drop, self.binary, *arguments], env=env, stdout=out if stdout is None else stdout, stderr=err,
                                    stdin=subprocess.DEVNULL, start_new_session=True)

    def inside(self, argv, env=None, root=False, **options):
        """Starts a program beside the model, without the sandbox, as `kubectl exec` does."""
        enter = ["nsenter", "--target", str(self.exec_pid()), "--mount", "--pid"]
        drop = [] if root else ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
        return subprocess.Popen([*enter, *drop, *argv], env={"PATH": "/usr/bin:/bin", **(env or {})}, stdin=subprocess.DEVNULL, **options)

    def run(self, argv=None, seconds=60):
        """Both containers to their end; the frame that was recorded."""
        self.start_agent().await_installed()
        self.start_exec(argv)
        return self.finish(seconds)

    def await_installed(self):
        if self.mounted:
            return self
        subprocess.run([self.binary, "await-installed", "--root", self.root], check=True)
        return self

    def finish(self, seconds=60):
        for name, process in (("exec", self.exec), ("agent", self.agent)):
            try:
                if process:
                    process.wait(seconds)
            except subprocess.TimeoutExpired:
                raise AssertionError("%s has not ended in %g s; requests: %s; agent: %r; exec: %r" % (
                    name, seconds, [each[0] for each in self.server.requests], self.text("agent.err")[-1000:],
                    self.text("exec.err")[-1000:])) from None
        return self.logged_frame()

    def await_frame(self):
        """The recorded frame of an agent that is still trying to push."""
        self.await_text("dev/termination-log", "frame")
        return self.logged_frame()

    def exec_pid(self):
        """The pid of `exec` itself, as seen from here: the child of unshare."""
        return self.child_of(self.exec.pid)

    def model_pid(self):
        """The entry point's."""
        return self.child_of(self.exec_pid())

    @staticmethod
    def child_of(pid):
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return int(f.read().split()[0])

    def await_text(self, name, text, seconds=30):
        """Until the file, below the root, holds `text`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if text in self.text(name):
                return
            time.sleep(0.01)
        raise AssertionError("%s: no %r in %r" % (name, text, self.text(name)[-500:]))

    def text(self, name):
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def logged_frame(self):
        parts = [line.split(" ", 2)[2] for line in self.text("agent.out").splitlines()
                 if line.startswith("MODELRUN-RESULT ") and not line.startswith("MODELRUN-RESULT end")]
        return json.loads(gzip.decompress(base64.b64decode("".join(parts)))) if parts else None

    def close(self):
        for process in (self.exec, self.agent):
            if process and process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.server.close()
        shutil.rmtree(self.root, ignore_errors=True)


