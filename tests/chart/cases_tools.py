"""What others' programs say: helm lint, kubeconform, kube-score."""

import json
import os
import re
import subprocess
import tempfile

import yaml

from cases_pods import offences, pods_of
from chart import CHART, EVERYTHING, NEWEST, ROOT, Refused, container_of, differences, helm, parsed, render, template, tool
from documented import blocks, documented_files, text_of, write_kustomization
from harness import case, same
from schemas import schemas

PLAIN = {"gateway": {"enabled": True}}
VALUES = {"as it is": {}, "with a gateway": PLAIN, "with everything": EVERYTHING, "for two namespaces": {**PLAIN, "watchNamespaces": ["team-a", "team-b"]}}


@case
def helm_lint_finds_nothing():
    for values in VALUES.values():
        helm("lint", "--strict", CHART, "--kube-version", NEWEST, "--values", "-",
             stdin=json.dumps({**values, "image": {"registry": "registry.example.com/modelrun"}}))
    refused = {"replicas": -1, "image": {"registry": "registry.example.com/modelrun"}}
    try:
        helm("lint", "--strict", CHART, "--kube-version", NEWEST, "--values", "-", stdin=json.dumps(refused))
    except Refused as refusal:
        assert "replicas" in str(refusal), refusal
        return
    raise AssertionError("lint takes values that the schema refuses")


def kubeconform(text, modfile):
    """Its complaints, each as {filename, kind, name, status, msg}."""
    location = schemas(modfile).name + "/{{.ResourceKind}}{{.KindSuffix}}.json"
    done = subprocess.run([tool("kubeconform"), "-strict", "-output", "json", "-summary", "-schema-location", location],
                          input=text, capture_output=True, text=True, check=False, timeout=120)
    answer = json.loads(done.stdout)
    assert sum(answer["summary"].values()) > 0, "it has read nothing"
    assert done.returncode == 0 or answer["resources"], done.stderr
    return [f"{each['kind']} {each['name']}: {each['status']} {each['msg']}" for each in answer["resources"]]


def conforms(modfile):
    for values in VALUES.values():
        same(kubeconform(template(values), modfile), [])
    manifest = template(PLAIN).replace("terminationGracePeriodSeconds:", "terminationGraceSeconds:", 1)
    complaints = kubeconform(manifest, modfile)  # a field that Kubernetes does not know
    assert len(complaints) == 1 and "terminationGraceSeconds" in complaints[0], complaints


@case
def kubeconform_finds_nothing_for_the_newest_kubernetes():
    conforms("go.mod")


@case
def kubeconform_finds_nothing_for_the_oldest_kubernetes():
    conforms("oldest.mod")


# What kube-score is not asked, and why.
NOT_SCORED = {
    "container-image-pull-policy": "an image has the tag of a version, or a digest, and so need not be asked for again (image.pullPolicy)",
    "container-ephemeral-storage-request-and-limit": "root file systems are read-only, and each emptyDir has a limit of its own",
}


def kube_score(text):
    """What it marks, as (kind, name, check, why). Limits of processor time are not asked for: they slow a program down that waits for nobody."""
    flags = ["--output-format", "json", "--ignore-container-cpu-limit", *(word for check in NOT_SCORED for word in ("--ignore-test", check))]
    done = subprocess.run([tool("kube-score"), "score", *flags, "-"], input=text, capture_output=True, text=True, check=False, timeout=120)
    for item in json.loads(done.stdout):
        for check in item["checks"]:
            if not check["skipped"] and check["grade"] < 10:
                why = "; ".join(f"{comment['path']} {comment['summary']}" for comment in check["comments"] or [])
                yield item["type_meta"]["kind"], item["object_meta"]["name"], check["check"]["id"], why


@case
def kube_score_finds_nothing():
    for name, values in VALUES.items():
        for mark in kube_score(template(values)):
            # No policy is made for a pod that `helm test` makes, for some seconds; one for egress is a choice
            # (networkPolicy.egress.enabled), as it has to know the cluster's addresses.
            allowed = mark[2] == "pod-networkpolicy" and (mark[0] == "Pod" or (name != "with everything" and "egress" in mark[3]))
            assert allowed, (name, mark)
    marks = {mark[2] for mark in kube_score(template().replace("allowPrivilegeEscalation: false", "privileged: true"))}
    assert "container-security-context-privileged" in marks, marks  # it reads what it is given


OVERLAYS = ["default", "overlays/ha", "overlays/restricted", "overlays/gateway", "overlays/namespaced"]


def kustomize(folder):
    return subprocess.run([tool("kustomize"), "build", folder], capture_output=True, text=True, check=True, timeout=60).stdout


def as_rendered(overlay):
    """What the chart makes of the overlay's values, without the label by which Helm knows its own objects."""
    with open(os.path.join(ROOT, "config", overlay, "values.yaml"), encoding="utf-8") as file:
        objects = render(yaml.safe_load(file))
    for item in objects.values():
        item["metadata"]["labels"].pop("app.kubernetes.io/managed-by", None)
    return objects


@case
def overlays_are_the_chart_with_their_values():
    """The namespace is config's own: Helm makes it by a flag."""
    for overlay in OVERLAYS:
        if overlay != "default":
            objects = parsed(kustomize(os.path.join(ROOT, "config", overlay)))
            del objects["Namespace", "modelrun-system"]
            same((overlay, list(differences(objects, as_rendered(overlay)))), (overlay, []))


@case
def overlays_conform_and_are_restricted():
    folders = sorted(os.listdir(os.path.join(ROOT, "config", "overlays")))
    same(sorted(OVERLAYS), sorted(["default", *("overlays/" + name for name in folders)]))
    for overlay in OVERLAYS:
        text = kustomize(os.path.join(ROOT, "config", overlay))
        same((overlay, kubeconform(text, "go.mod")), (overlay, []))
        objects = parsed(text)
        same(objects["Namespace", "modelrun-system"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted")
        for name, pod in pods_of(objects):
            same((overlay, name, list(offences(pod))), (overlay, name, []))


@case
def kustomize_replaces_every_image_as_documented():
    files = documented_files("Kustomize", "install.md")
    same(set(files), {"kustomization.yaml", "images.yaml"})
    with tempfile.TemporaryDirectory() as folder:
        write_kustomization(folder, files)
        objects = parsed(kustomize(folder))
    container = container_of(objects, "operator")
    images = [container["image"], container_of(objects, "operator", "source")["image"],
              *(each["value"] for each in container["env"] if each["name"].endswith("_IMAGE"))]
    same(images, [f"registry.example.com/yours/{name}:0.1.0" for name in ("operator", "operator", "agent", "python")])


@case
def documented_values_are_taken():
    text = text_of("install.md")
    values = [block for block in blocks(text, "yaml") if not block.startswith("#")]
    assert values, "no values in docs/install.md"
    for block in values:
        same(kubeconform(template(yaml.safe_load(block)), "go.mod"), [])
    # Each --set of the documented commands.
    commands = [command.replace("\\\n", " ") for command in re.findall(r"^helm (?:install|upgrade) .*?(?<!\\)$", text, re.MULTILINE | re.DOTALL)]
    assert len(commands) >= 3, commands
    for command in commands:
        flags = re.findall(r"--set (\S+)", command)
        parsed(template(None, *(word for flag in flags for word in ("--set", flag))), by_namespace=True)
