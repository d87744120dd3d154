"""The chart and the overlays as an API server sees them, and what kustomize makes of the resources. The chart's own tests are in tests/chart."""

import json
import os
import re
import shutil
import subprocess
import tempfile

from cluster import ROOT
from harness import case, same

CHART = os.path.join(ROOT, "charts", "modelrun")
# Where hack/cluster puts them.
PROGRAMS = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "modelrun", "bin")
# The machine's own, as hack/cluster takes it too.
HELM = shutil.which("helm") or os.path.join(PROGRAMS, "helm")


# With all kinds that the node knows; in a namespace for tokens that is there.
MUCH = ["--set", "fullnameOverride=much", "--set", "image.registry=registry.example.com/modelrun", "--set", "commonLabels.team=platform",
        "--set", "networkPolicy.egress.enabled=true", "--set", "rbac.secretNamespaces={default}", "--set", "gateway.enabled=true",
        "--set", "gateway.createTokenNamespace=false", "--set", "gateway.autoscaling.enabled=true", "--set", "gateway.tls.secretName=much",
        "--set", "gateway.service.type=LoadBalancer", "--set", "gateway.ingress.enabled=true", "--set", "gateway.ingress.hosts={models.example.com}"]


def dry_run(space, manifest):
    """kubectl's exit code and what it says, when the API server is asked to take these objects without keeping them."""
    command = [os.path.join(PROGRAMS, "kubectl"), "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", "-"]
    environment = {**os.environ, "KUBECONFIG": space.cluster.kubeconfig}
    done = subprocess.run(command, input=manifest, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


@case
def api_server_takes_what_the_chart_makes(space):
    command = [HELM, "template", "much", CHART, "--namespace", "modelrun-system", *MUCH]
    manifest = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    code, said = dry_run(space, manifest)
    same((code, "horizontalpodautoscaler.autoscaling/much-gateway" in said, "Warning" in said), (0, True, False))
    code, said = dry_run(space, manifest.replace("averageUtilization: 400", "averageUtilization: -1"))
    assert code != 0 and "averageUtilization" in said, said


@case
def api_server_takes_the_overlays(space):
    """But the one with a Certificate, a kind that the node does not have."""
    for overlay in ("default", "overlays/ha", "overlays/restricted"):
        command = [os.path.join(PROGRAMS, "kubectl"), "kustomize", os.path.join(ROOT, "config", overlay)]
        code, said = dry_run(space, subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
        same((overlay, code, said if code else ""), (overlay, 0, ""))


@case
def kustomize_carries_a_prefix_into_the_runs(space):
    """With the configuration of examples/gitops/kustomize, also into the names of Secrets and other objects."""
    project = {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelProject", "metadata": {"name": "forecasts"},
               "spec": {"source": {"git": {"url": "https://git.example.com/f.git", "secretRef": {"name": "git"}}},
                        "runtime": {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "git", "key": "username"}}}]},
                        "data": {"configMap": {"name": "prices"}}}}
    run = {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRun", "metadata": {"name": "first"}, "spec": {"project": "forecasts"}}
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "kustomization.yaml": {"namePrefix": "eu-", "resources": ["project.yaml", "run.yaml"], "configurations": ["names.yaml"],
                                   "secretGenerator": [{"name": "git", "literals": ["username=a"]}],
                                   "configMapGenerator": [{"name": "prices", "literals": ["a=1"]}]},
            "project.yaml": project,
            "run.yaml": run,
        }
        for name, content in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                json.dump(content, file)
        with open(os.path.join(ROOT, "examples/gitops/kustomize/names.yaml"), encoding="utf-8") as source:
            with open(os.path.join(folder, "names.yaml"), "w", encoding="utf-8") as file:
                file.write(source.read())
        command = [os.path.join(PROGRAMS, "kubectl"), "kustomize", folder]
        text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert len(re.findall(r"\bproject: eu-forecasts$", text, re.MULTILINE)) == 1, text
    # The Secret itself and the two references to it; the ConfigMap and one reference.
    assert len(re.findall(r"name: eu-git-[a-z0-9]+$", text, re.MULTILINE)) == 3, text
    assert len(re.findall(r"name: eu-prices-[a-z0-9]+$", text, re.MULTILINE)) == 2, text
