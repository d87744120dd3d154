"""What others' programs say: helm lint, kubeconform, kube-score."""

import json
import subprocess

from chart import CHART, EVERYTHING, NEWEST, Refused, helm, listed, same, template, tool
from schemas import schemas

CASES = []
case = listed(CASES)
PLAIN = {"gateway": {"enabled": True}}
VALUES = {"as it is": {}, "with a gateway": PLAIN, "with everything": EVERYTHING}


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
NO_EGRESS = "a policy for egress is a choice (networkPolicy.egress.enabled), as it has to know the cluster's addresses"
TEST_POD = "no policy is made for a pod that `helm test` makes, for some seconds"


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
            allowed = mark[2] == "pod-networkpolicy" and (mark[0] == "Pod" or (name != "with everything" and "egress" in mark[3]))
            assert allowed, (name, mark, NO_EGRESS, TEST_POD)
    marks = {mark[2] for mark in kube_score(template().replace("allowPrivilegeEscalation: false", "privileged: true"))}
    assert "container-security-context-privileged" in marks, marks  # it reads what it is given
