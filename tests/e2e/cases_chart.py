"""What kustomize makes of the resources. The chart's own tests are in tests/chart."""

import json
import os
import re
import shutil
import subprocess
import tempfile

from cluster import ROOT
from harness import case

CHART = os.path.join(ROOT, "charts", "modelrun")
# Where hack/cluster puts them.
PROGRAMS = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "modelrun", "bin")
# The machine's own, as hack/cluster takes it too.
HELM = shutil.which("helm") or os.path.join(PROGRAMS, "helm")


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
