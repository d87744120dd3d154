"""Kueue on the node of hack/cluster: its controller as a process of this machine, installed by its own CRDs and webhooks."""

import base64
import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

import yaml
from cluster import ROOT, ApiError, Cluster, hack, wait_for
from hack_library import library

HOST, PORT, PROBES = "10.250.0.1", 9643, 18643  # this machine as the node sees it, and where Kueue listens
GROUP = "/apis/kueue.x-k8s.io/v1beta2"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations/kueue-{}-webhook-configuration"
LOG = os.path.join(ROOT, "build", "logs", "kueue.log")
# Of the webhooks, those of what is served here: of Jobs, of pods, and of Kueue's own objects.
SERVED = ("-kueue-x-k8s-io-", "-batch-v1-job", "--v1-pod")
# Where no webhook of Kueue's applies: as its own manifests have it, and where this product's own pods are.
EXEMPT = ["kube-system", "kueue-system", "modelrun-system"]

CONFIGURATION = {
    "apiVersion": "config.kueue.x-k8s.io/v1beta2",
    "kind": "Configuration",
    "health": {"healthProbeBindAddress": f"127.0.0.1:{PROBES}"},
    "metrics": {"bindAddress": "0"},
    "leaderElection": {"leaderElect": False},
    "internalCertManagement": {"enable": False},
    "clientConnection": {"qps": 50, "burst": 100},
    "integrations": {"frameworks": ["batch/job", "pod"]},
}
# The program reads the certificate of its metrics from a fixed path, even if it serves none. So it gets an /etc of its own.
START = """\
set -e
mkdir -p "$1/etc"
cp -a /etc/. "$1/etc/"
mkdir -p "$1/etc/kueue/metrics/certs"
cp "$1/tls.crt" "$1/tls.key" "$1/etc/kueue/metrics/certs/"
mount --bind "$1/etc" /etc
exec "$2" --config "$1/config.yaml" --feature-gates VisibilityOnDemand=false --zap-log-level 2
"""


class Kueue:
    """Thread-safe as far as the cases use it: only those that run alone stop it."""

    def __init__(self, folder):
        self.cluster = Cluster()
        self.folder = folder
        self.program = library("find_kueue")
        self.process = None
        config = {**CONFIGURATION, "webhook": {"host": "0.0.0.0", "port": PORT, "certDir": folder}}
        with open(os.path.join(folder, "config.yaml"), "w", encoding="utf-8") as out:
            yaml.safe_dump(config, out)
        self._certificate()

    def _certificate(self):
        key, certificate = (os.path.join(self.folder, name) for name in ("tls.key", "tls.crt"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=kueue"]
            + ["-addext", f"subjectAltName=IP:{HOST}", "-keyout", key, "-out", certificate],
            check=True,
            capture_output=True,
        )
        with open(certificate, "rb") as file:
            self.authority = base64.b64encode(file.read()).decode()

    # ---- the process

    def start(self):
        os.makedirs(os.path.dirname(LOG), exist_ok=True)
        environment = {**os.environ, "KUBECONFIG": self.cluster.kubeconfig}
        with open(LOG, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with  # stop() ends it
                ["unshare", "--mount", "sh", "-c", START, "kueue", self.folder, os.path.join(self.program, "kueue")],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers, 60, f"Kueue answers; see {LOG}")

    def _answers(self):
        assert self.process.poll() is None, f"Kueue has ended; see {LOG}"
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{PROBES}/readyz", timeout=2) as answer:
            return answer.status == 200
        return False

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    # ---- what it consists of

    def _client(self, path):
        return {"url": f"https://{HOST}:{PORT}{path}", "caBundle": self.authority}

    def _crds(self):
        for path in sorted(glob.glob(os.path.join(self.program, "components", "kueue.x-k8s.io_*.yaml"))):
            with open(path, encoding="utf-8") as file:
                crd = yaml.safe_load(file)
            if len(crd["spec"]["versions"]) > 1:
                crd["spec"]["conversion"] = {
                    "strategy": "Webhook",
                    "webhook": {"clientConfig": self._client("/convert"), "conversionReviewVersions": ["v1"]},
                }
            yield crd

    def _webhooks(self):
        with open(os.path.join(self.program, "components", "manifests.yaml"), encoding="utf-8") as file:
            configurations = [each for each in yaml.safe_load_all(file) if each]
        for configuration in configurations:
            configuration["metadata"]["name"] = "kueue-" + configuration["metadata"]["name"]
            kept = [each for each in configuration["webhooks"] if any(word in each["clientConfig"]["service"]["path"] for word in SERVED)]
            for webhook in kept:
                webhook["clientConfig"] = self._client(webhook["clientConfig"]["service"]["path"])
                if "kueue" not in webhook["clientConfig"]["url"].split("/")[-1]:
                    rule = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": EXEMPT}
                    webhook["namespaceSelector"] = {"matchExpressions": [rule]}
            configuration["webhooks"] = kept
            yield configuration

    def _apply(self, objects):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)

    def install(self):
        """CRDs, controller, webhooks: each needs those before it. Done again, it repairs what an earlier call has left."""
        self._apply(self._crds())
        names = [crd["metadata"]["name"] for crd in self._crds()]
        self.cluster.kubectl("wait", "--for", "condition=Established", "--timeout", "60s", *[f"crd/{name}" for name in names])
        self.start()
        self._apply(self._webhooks())

    def uninstall(self):
        """The webhooks first: without their controller nobody could delete anything. Then all objects whose finalizers the controller takes out; then
        the controller, and the CRDs."""
        for kind in ("mutating", "validating"):
            self._delete(WEBHOOKS.format(kind, kind))
        if self.process is None:
            self.start()
        self._remove_spaces()
        for plural in ("clusterqueues", "cohorts", "resourceflavors", "workloadpriorityclasses"):
            path = f"{GROUP}/{plural}"
            self._delete(path)
            wait_for(lambda path=path: not self.cluster.request("GET", path)["items"], 60, f"{plural} are gone")
        self.stop()
        names = [crd["metadata"]["name"] for crd in self._crds()]
        for name in names:
            self._delete(f"{CRDS}/{name}")
        wait_for(lambda: not [each for each in names if self._exists(f"{CRDS}/{each}")], 60, "Kueue's CRDs are gone")

    def _remove_spaces(self):
        path = "/api/v1/namespaces?labelSelector=modelrun.dev/e2e%3Dtrue"

        def left():
            spaces = self.cluster.request("GET", path)["items"]
            for space in spaces:
                if "deletionTimestamp" not in space["metadata"]:
                    self._delete(f"/api/v1/namespaces/{space['metadata']['name']}")
            return [space["metadata"]["name"] for space in spaces]

        wait_for(lambda: not left(), 120, "the cases' namespaces are gone")

    def _delete(self, path):
        with contextlib.suppress(ApiError):
            self.cluster.request("DELETE", path)

    def _exists(self, path):
        try:
            return self.cluster.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise


KUEUE = []  # the one that is installed


@contextlib.contextmanager
def installed():
    """Kueue, and an operator that passes its labels on from runs; both gone again at the end."""
    folder = tempfile.mkdtemp(prefix="modelrun-kueue-")
    kueue = Kueue(folder)
    try:
        hack("deploy", "--set", "operator.propagateLabels={kueue.x-k8s.io/queue-name,kueue.x-k8s.io/priority-class}")
        kueue.install()
        KUEUE[:] = [kueue]
        yield kueue
    finally:
        begun = time.monotonic()
        try:
            kueue.uninstall()
        finally:
            kueue.stop()
            shutil.rmtree(folder, ignore_errors=True)
            hack("deploy")
        print(f"# Kueue is removed, the operator as before  [{time.monotonic() - begun:.1f} s]", flush=True)


@contextlib.contextmanager
def away():
    """Kueue does not answer meanwhile."""
    KUEUE[0].stop()
    try:
        yield
    finally:
        KUEUE[0].start()
