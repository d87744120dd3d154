"""What the chart puts into the cluster beside pods: CRDs, rights, the test."""

import os
import shutil
import tempfile

import yaml

from chart import CHART, EVERYTHING, ROOT, differences, helm, refused, render, render_all, template
from harness import case, same

CRD = "CustomResourceDefinition"


def crds_of(objects):
    return {name: item for (kind, name), item in objects.items() if kind == CRD}


def crd_files():
    found = {}
    for name in sorted(os.listdir(os.path.join(ROOT, "crds"))):
        with open(os.path.join(ROOT, "crds", name), encoding="utf-8") as file:
            item = yaml.safe_load(file)
        found[item["metadata"]["name"]] = item
    return found


@case
def installs_the_crds_as_they_are():
    crds = crds_of(render())
    same(list(differences({name: item["spec"] for name, item in crds.items()}, {name: item["spec"] for name, item in crd_files().items()})), [])
    same(len(crds), 3)
    # As templates: Helm does not upgrade the folder crds of a chart.
    assert not os.path.exists(os.path.join(CHART, "crds"))


@case
def including_crds_shows_each_once():
    """`helm template --include-crds`, which deployment tools use, adds none: `render` refuses two objects of one name."""
    same(set(render(None, "--include-crds")), set(render()))
    same(crds_of(render({"crds": {"install": False}}, "--include-crds")), {})


@case
def keeps_the_crds_when_the_release_goes():
    for name, item in crds_of(render()).items():
        same((name, item["metadata"]["annotations"]), (name, {"helm.sh/resource-policy": "keep"}))
    for name, item in crds_of(render({"crds": {"keep": False}})).items():
        assert "annotations" not in item["metadata"], name
    same(crds_of(render({"crds": {"install": False}})), {})


@case
def gives_secrets_in_the_named_namespaces_only():
    everywhere, named, none = (render({"rbac": {"secretNamespaces": value}}) for value in (["*"], ["team-a"], []))
    key = "modelrun-operator-secrets"
    assert ("ClusterRoleBinding", key) in everywhere and ("RoleBinding", key) not in everywhere
    assert ("ClusterRoleBinding", key) not in named
    same(named["RoleBinding", key]["metadata"]["namespace"], "team-a")
    for binding in ("ClusterRoleBinding", "RoleBinding", "ClusterRole"):
        assert (binding, key) not in none


@case
def rights_have_no_wildcards():
    for (kind, name), item in render(EVERYTHING).items():
        if kind in ("Role", "ClusterRole"):
            for rule in item["rules"]:
                assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"], (name, rule)


@case
def keeps_api_tokens_in_a_namespace_of_their_own():
    refused({"gateway": {"enabled": True, "tokenNamespace": "modelrun-system"}}, "gateway.tokenNamespace must not be modelrun-system")
    made = render({"gateway": {"enabled": True}})
    same(made["Namespace", "modelrun-tokens"]["metadata"]["annotations"], {"helm.sh/resource-policy": "keep"})
    found = render({"gateway": {"enabled": True, "createTokenNamespace": False}})
    same(set(made) - set(found), {("Namespace", "modelrun-tokens")})


@case
def aggregates_its_roles_unless_told_not_to():
    for aggregate in (True, False):
        objects = render({"rbac": {"aggregate": aggregate}})
        for role, to in {"viewer": "view", "editor": "edit", "owner": "admin"}.items():
            labels = objects["ClusterRole", f"modelrun-{role}"]["metadata"]["labels"]
            same(labels.get(f"rbac.authorization.k8s.io/aggregate-to-{to}"), "true" if aggregate else None)


def notes(values):
    """What `helm install` prints at its end, which `helm template` does not show: from a copy of the chart in which it is in a ConfigMap."""
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "modelrun")
        shutil.copytree(CHART, copy)
        text = os.path.join(copy, "templates", "NOTES.txt")
        with open(text, encoding="utf-8") as file:
            source = file.read()
        os.remove(text)
        with open(os.path.join(copy, "templates", "notes.yaml"), "w", encoding="utf-8") as file:
            file.write('{{ define "notes" }}' + source + "{{ end }}\n")
            file.write('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {text: {{ include "notes" . | toJson }}}\n')
        return render_all(values, chart=copy)["ConfigMap", None, "notes"]["data"]["text"]


@case
def notes_say_what_was_installed():
    text = notes({})
    assert text.startswith("The ModelRun operator is in namespace modelrun-system.\n\nSee that it is up:\n\n  kubectl"), text
    assert "Service modelrun-gateway" not in text and "helm test" not in text, text
    assert text.endswith("\n\n`helm uninstall` leaves CRDs, projects and runs, with their results.\n"), text
    assert "\n\n\n" not in text, text
    text = notes({"operator": {"enabled": False}, "gateway": {"enabled": True}, "crds": {"install": False}, "fullnameOverride": "public"})
    assert text.startswith("This release has no operator") and "deployment/public-gateway" in text and "crds.install is false" in text, text
    text = notes({"watchNamespaces": ["team-a", "team-b"], "rbac": {"tokenReviews": False}})
    assert text.startswith("The ModelRun operator is in namespace modelrun-system. It takes care of team-a, team-b, and of no other namespace.\n\nSee"), text
    assert "kubectl create namespace" not in text and "kubectl -n team-a apply" in text and "\n\n\n" not in text, text
    assert "--clusterrole=system:auth-delegator" in text and "in each of its namespaces" in text, text
    text = notes({"crds": {"keep": False}, "helmTest": EVERYTHING["helmTest"]})
    assert "helm test modelrun --namespace modelrun-system --logs" in text and "crds.keep is false" in text, text


@case
def the_test_is_a_hook_with_rights_of_its_own():
    values = {"helmTest": {"git": {"url": "https://git.example.com/f.git", "branch": "main"}, "timeoutSeconds": 60}}
    without, objects = render(), render(values)
    added = set(objects) - set(without)
    same(added, {(kind, "modelrun-test") for kind in ("ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Pod")})
    hooks = {key: item["metadata"]["annotations"] for key, item in objects.items() if "helm.sh/hook" in item["metadata"].get("annotations", {})}
    # One: `helm test --logs` asks for the logs of every hook.
    same(hooks, {("Pod", "modelrun-test"): {"helm.sh/hook": "test", "helm.sh/hook-delete-policy": "before-hook-creation"}})
    same(objects["Role", "modelrun-test"]["rules"],
         [{"apiGroups": ["modelrun.dev"], "resources": ["modelprojects", "modelruns"], "verbs": ["create", "get", "delete"]}])
    pod = objects["Pod", "modelrun-test"]["spec"]
    same({each["name"]: each["value"] for each in pod["containers"][0]["env"]},
         {"NAMESPACE": "modelrun-system", "GIT_URL": "https://git.example.com/f.git", "GIT_BRANCH": "main", "TIMEOUT_SECONDS": "60"})
    assert pod["containers"][0]["image"].startswith("registry.example.com/modelrun/python:")
    assert pod["activeDeadlineSeconds"] > 60
    with open(os.path.join(CHART, "files", "test.py"), encoding="utf-8") as file:
        same(objects["ConfigMap", "modelrun-test"]["data"], {"test.py": file.read()})


@case
def a_packaged_chart_is_the_same():
    """Links to files outside of the chart are files in its package."""
    with tempfile.TemporaryDirectory() as folder:
        helm("package", CHART, "--destination", folder)
        (name,) = os.listdir(folder)
        same(template(EVERYTHING, chart=os.path.join(folder, name)), template(EVERYTHING))
