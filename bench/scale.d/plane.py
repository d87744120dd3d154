"""The control plane of bench/scale: etcd, API server, controller manager and scheduler of Kubernetes on loopback, with ports and a directory of
its own, and simulated kubelets. It touches no cluster of hack/cluster. Whatever is started here ends with this process, however that ends."""

import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PR_SET_PDEATHSIG = 1
TICKS = os.sysconf("SC_CLK_TCK")
CONTROLLERS = ["job-controller", "garbage-collector-controller", "namespace-controller", "serviceaccount-controller", "root-ca-certificate-publisher-controller"]
NODES = 4


class Failed(Exception):
    pass


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, seconds, condition):
    end = time.monotonic() + seconds
    while True:
        try:
            answer = condition()
        except (OSError, http.client.HTTPException, ApiError):
            answer = None
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s for {what}")
        time.sleep(0.02)


class ApiError(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text[:300]}")
        self.status = status


class Api:
    """A client of the API server, with the administrator's certificate. For one thread."""

    def __init__(self, port, pki):
        context = ssl.create_default_context(cafile=f"{pki}/ca.crt")
        context.load_cert_chain(f"{pki}/admin.crt", f"{pki}/admin.key")
        self.make = lambda: http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=120)
        self.connection = None

    def text(self, method, path, body=None, kind="application/json"):
        if self.connection is None:
            self.connection = self.make()
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": kind})
            answer = self.connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise
        if answer.status >= 300:
            raise ApiError(answer.status, text)
        return text

    def request(self, method, path, body=None, kind="application/json"):
        return json.loads(self.text(method, path, body, kind))

    def ensure(self, path, body):
        try:
            return self.request("POST", path, body)
        except ApiError as error:
            if error.status != 409:
                raise
            return None

    def count(self, path):
        """How many objects a collection has."""
        answer = self.request("GET", path + ("&" if "?" in path else "?") + "limit=1")
        return len(answer["items"]) + answer["metadata"].get("remainingItemCount", 0)


class Process:
    """A program with its log; it gets SIGKILL when this process ends without having ended it."""

    def __init__(self, name, command, log, **options):
        self.name, self.log = name, log
        with open(log, "ab") as file:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=options.pop("stdout", file), stderr=file,
                                          preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL), **options)
        self.pid = self.popen.pid

    def check(self):
        if self.popen.poll() is not None:
            raise Failed(f"{self.name} has ended with {self.popen.returncode}: {self.tail()}")

    def tail(self):
        with open(self.log, "rb") as file:
            return file.read()[-1500:].decode(errors="replace")

    def cpu(self):
        """Seconds of processor time, with those of its children that have ended."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / TICKS

    def memory(self):
        """Resident bytes, and the most that there ever were."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            values = dict(line.split(":", 1) for line in file)
        return int(values["VmRSS"].split()[0]) << 10, int(values["VmHWM"].split()[0]) << 10

    def end(self, seconds=20):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


class Plane:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="modelrun-scale-")
        self.parts = {}
        self.port = free_port()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def log(self, name):
        return f"{self.folder}/log/{name}.log"

    def stop(self):
        for part in reversed(list(self.parts.values())):
            part.end(5)
        logs = os.path.join(ROOT, "build", "bench", "scale.logs")
        shutil.rmtree(logs, ignore_errors=True)
        shutil.copytree(f"{self.folder}/log", logs, dirs_exist_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        prepare = subprocess.run([f"{HERE}/prepare", self.folder, f"https://127.0.0.1:{self.port}"], stdout=subprocess.PIPE, text=True, check=False)
        if prepare.returncode != 0:
            raise Failed("the control plane's programs or certificates cannot be made; see above")
        self.kubenode, self.programs = prepare.stdout.split()
        self.kubeconfig = f"{self.folder}/admin.kubeconfig"
        self.api = self.new_api()
        self.start_etcd()
        self.start_api_server()
        self.start_controllers()
        self.start_kubelets()

    def new_api(self):
        return Api(self.port, f"{self.folder}/pki")

    def add(self, name, *args, program=None):
        self.parts[name] = Process(name, [*(program or [self.kubenode, name]), *args], self.log(name), cwd=self.folder)
        return self.parts[name]

    def start_etcd(self):
        self.etcd = f"http://127.0.0.1:{free_port()}"
        peers = f"http://127.0.0.1:{free_port()}"
        self.add("etcd", "--name=bench", f"--data-dir={self.folder}/etcd", "--unsafe-no-fsync", "--log-level=warn", "--logger=zap",
                 f"--listen-client-urls={self.etcd}", f"--advertise-client-urls={self.etcd}", f"--listen-peer-urls={peers}",
                 f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=bench={peers}", "--auto-compaction-mode=periodic",
                 "--auto-compaction-retention=5m", f"--quota-backend-bytes={8 << 30}")

    def start_api_server(self):
        pki = f"{self.folder}/pki"
        part = self.add("kube-apiserver", f"--etcd-servers={self.etcd}", f"--secure-port={self.port}", "--bind-address=127.0.0.1",
                        "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", f"--tls-cert-file={pki}/apiserver.crt",
                        f"--tls-private-key-file={pki}/apiserver.key", f"--client-ca-file={pki}/ca.crt",
                        f"--service-account-key-file={pki}/sa.pub", f"--service-account-signing-key-file={pki}/sa.key",
                        "--service-account-issuer=https://kubernetes.default.svc.cluster.local", "--authorization-mode=RBAC",
                        # Nobody here takes the taint of a new node away again.
                        "--disable-admission-plugins=TaintNodesByCondition", "--service-cluster-ip-range=10.96.0.0/16",
                        # As many as many nodes' kubelets, and what stands between, may have.
                        "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000")
        def ready():
            part.check()
            return self.api.text("GET", "/readyz")
        wait_for("the API server", 180, ready)

    def start_controllers(self):
        quick = ["--leader-elect=false", "--kube-api-qps=5000", "--kube-api-burst=10000"]
        self.add("kube-controller-manager", f"--kubeconfig={self.folder}/controller-manager.kubeconfig", f"--secure-port={free_port()}",
                 "--bind-address=127.0.0.1", "--use-service-account-credentials=true", f"--service-account-private-key-file={self.folder}/pki/sa.key",
                 f"--root-ca-file={self.folder}/pki/ca.crt", "--controllers=" + ",".join(CONTROLLERS), "--concurrent-job-syncs=20",
                 "--concurrent-gc-syncs=20", "--concurrent-namespace-syncs=20", *quick)
        self.add("kube-scheduler", f"--kubeconfig={self.folder}/scheduler.kubeconfig", f"--secure-port={free_port()}", "--bind-address=127.0.0.1", *quick)

    def start_kubelets(self):
        for number in range(NODES):
            name = f"node-{number}"
            self.api.ensure("/api/v1/nodes", {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}}})
            space = {"cpu": "100k", "memory": "1Pi", "ephemeral-storage": "1Pi", "pods": "1000000"}
            status = {"capacity": space, "allocatable": space, "nodeInfo": dict.fromkeys(["architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion",
                                                                               "machineID", "operatingSystem", "osImage", "systemUUID"], "simulated")}
            self.api.request("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, "application/merge-patch+json")
        self.add("kwok", f"--kubeconfig={self.kubeconfig}", "--manage-all-nodes=true", "--node-lease-duration-seconds=0", f"--config={HERE}/stages.yaml",
                 f"--server-address=127.0.0.1:{free_port()}", program=[f"{self.programs}/kwok"])
        def ready():
            nodes = self.api.request("GET", "/api/v1/nodes")["items"]
            return sum(c["status"] == "True" for node in nodes for c in node["status"].get("conditions", []) if c["type"] == "Ready") == NODES
        wait_for("the simulated nodes", 60, ready)

    def check(self):
        for part in self.parts.values():
            part.check()

    def cpu(self):
        return {name: part.cpu() for name, part in self.parts.items()}

    def stored(self):
        """What etcd has written since it began: {"puts": revisions of keys, deleted ones too; "bytes": of its write-ahead log}."""
        with urllib.request.urlopen(self.etcd + "/metrics", timeout=30) as answer:
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        values = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line)}
        return {"puts": values["etcd_mvcc_put_total"] + values["etcd_mvcc_delete_total"], "bytes": values["etcd_disk_wal_write_bytes_total"]}

    def requests(self):
        """Requests that the API server has answered: {"VERB resource subresource": count}. A watch counts when it ends."""
        counts = {}
        for line in self.new_api().text("GET", "/metrics").splitlines():
            if not line.startswith("apiserver_request_total{"):
                continue
            labels, _, value = line.partition("{")[2].rpartition("} ")
            fields = dict(part.split("=", 1) for part in labels.replace('"', "").split(",") if "=" in part)
            if fields["code"].startswith("2"):
                key = " ".join(filter(None, (fields["verb"], fields["resource"], fields["subresource"])))
                counts[key] = counts.get(key, 0) + float(value)
        return counts
