"""What the chart makes of values, by `helm template`, and what kustomize makes of the resources."""

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
IMAGES = ["--set", "image.registry=registry.example.com/modelrun"]


def rendered(*arguments, words=None):
    """What helm prints; with `words`, it has to refuse with these."""
    command = [HELM, "template", "it", CHART, "--namespace", "modelrun-system", "--set", "gateway.enabled=true", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if words:
        assert done.returncode != 0 and words in done.stderr, done.stderr
    else:
        assert done.returncode == 0, done.stderr
    return done.stdout


def known_values():
    """The paths of values.yaml, such as operator.git.allowHTTP."""
    above = []
    with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
        for line in file:
            if found := re.match(r"( *)([A-Za-z]+):", line):
                above = [*above[: len(found[1]) // 2], found[2]]
                yield ".".join(above)


@case
def chart_takes_its_default_for_each_value_that_is_missing(space):
    """As after `helm upgrade --reuse-values` from a release that did not know the value."""
    known = [path for path in known_values() if path not in ("image", "image.registry", "gateway", "gateway.enabled")]
    assert len(known) > 60, known
    expected = rendered(*IMAGES)
    for path in known:
        assert rendered(*IMAGES, "--set", f"{path}=null") == expected, path
    # Given ones that are false, zero or empty stay.
    assert "kind: NetworkPolicy" in expected
    assert "kind: NetworkPolicy" not in rendered(*IMAGES, "--set", "networkPolicy.enabled=false")
    assert "replicas: 0" in rendered(*IMAGES, "--set", "replicas=0")


@case
def chart_tells_the_operator_which_labels_to_pass_on(space):
    assert "--propagate-labels" not in rendered(*IMAGES)
    text = rendered(*IMAGES, "--set", "operator.propagateLabels={team,example.com/cost}")
    assert "- --propagate-labels=team\n" in text and "- --propagate-labels=example.com/cost\n" in text, text


@case
def chart_names_the_images_of_its_version(space):
    with open(os.path.join(CHART, "Chart.yaml"), encoding="utf-8") as file:
        version = re.search(r'^appVersion: "(.+)"$', file.read(), re.MULTILINE)[1]
    for flags in (IMAGES, ["--set", "global.imageRegistry=registry.example.com/modelrun/"]):
        assert f"image: registry.example.com/modelrun/operator:{version}\n" in rendered(*flags)
    text = rendered(*IMAGES, "--set", "image.tag=v7", "--set", "image.operator=elsewhere.example.com/o@sha256:1")
    assert "image: elsewhere.example.com/o@sha256:1\n" in text and "registry.example.com/modelrun/gateway:v7\n" in text, text
    rendered(words="say where your cluster finds the images")


@case
def chart_keeps_api_tokens_in_a_namespace_of_their_own(space):
    rendered(*IMAGES, "--set", "gateway.tokenNamespace=modelrun-system", words="gateway.tokenNamespace must not be modelrun-system")


@case
def chart_shows_each_crd_as_a_document_of_its_own(space):
    """helm puts nothing between the files: in one document, the last would be all that `helm show crds` hands to kubectl."""
    shown = subprocess.run([HELM, "show", "crds", CHART], capture_output=True, text=True, check=True, timeout=60).stdout
    kinds = [re.findall(r"^kind: (.*)$", document, re.MULTILINE) for document in re.split(r"^---$", shown, flags=re.MULTILINE)[1:]]
    assert kinds == [["CustomResourceDefinition"]] * len(os.listdir(os.path.join(CHART, "crds"))), kinds


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
