"""How values are taken: defaults, images, names, labels; and that a wrong one is refused."""

import json
import os
import re

from chart import CHART, EVERYTHING, container_of, pod_of, refused, render, template
from harness import case, same

GATEWAY = {"gateway": {"enabled": True}}


def known_values():
    """The paths of values.yaml, such as operator.git.allowHTTP."""
    above = []
    with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
        for line in file:
            if found := re.match(r"( *)([A-Za-z]+):", line):
                above = [*above[: len(found[1]) // 2], found[2]]
                yield ".".join(above)


def nested(path, value):
    for step in reversed(path.split(".")):
        value = {step: value}
    return value


@case
def takes_its_default_for_each_value_that_is_missing():
    """As after `helm upgrade --reuse-values` from a release that did not know the value."""
    known = [path for path in known_values() if path not in ("image", "image.registry", "gateway", "gateway.enabled")]
    assert len(known) > 150, known
    expected = template(GATEWAY)
    for path in known:
        same(template(GATEWAY, "--set", f"{path}=null"), expected)
    # Given ones that are false, zero or empty stay.
    assert "kind: NetworkPolicy" in expected
    assert "kind: NetworkPolicy" not in template({**GATEWAY, "networkPolicy": {"enabled": False}})
    same(render({"replicas": 0})["Deployment", "modelrun-operator"]["spec"]["replicas"], 0)


@case
def names_the_images_of_its_version():
    with open(os.path.join(CHART, "Chart.yaml"), encoding="utf-8") as file:
        version = re.search(r'^appVersion: "(.+)"$', file.read(), re.MULTILINE)[1]
    for values, images in ((GATEWAY, True), ({**GATEWAY, "global": {"imageRegistry": "registry.example.com/modelrun/"}}, False)):
        objects = render(values, images=images)
        same(container_of(objects, "operator")["image"], f"registry.example.com/modelrun/operator:{version}")
        same(container_of(objects, "operator", "source")["image"], f"registry.example.com/modelrun/operator:{version}")
        same(container_of(objects, "gateway")["image"], f"registry.example.com/modelrun/gateway:{version}")
    refused(GATEWAY, "say where your cluster finds the images", images=False)


def run_images(objects):
    """The images that the operator gives to run pods, by its flags."""
    container = container_of(objects, "operator")
    variables = {each["name"]: each.get("value") for each in container["env"]}
    flags = [flag.split("=", 1) for flag in container["args"] if re.match("--(agent|default)-image=", flag)]
    return {flag: variables[re.fullmatch(r"\$\((\w+)\)", value)[1]] for flag, value in flags}


@case
def images_by_tag_repository_digest_and_whole_name():
    digest = "sha256:" + "5f" * 32
    objects = render({**GATEWAY, "image": {"tag": "v7", "operator": "elsewhere.example.com/o@sha256:1", "repositories": {"agent": "mirror/modelrun-agent"},
                                           "digests": {"python": digest, "operator": digest}}})
    same(container_of(objects, "gateway")["image"], "registry.example.com/modelrun/gateway:v7")
    same(container_of(objects, "operator")["image"], "elsewhere.example.com/o@sha256:1")
    same(run_images(objects), {"--agent-image": "registry.example.com/modelrun/mirror/modelrun-agent:v7",
                               "--default-image": f"registry.example.com/modelrun/python@{digest}"})
    refused({"image": {"digests": {"agent": "sha256:5f"}}}, "image/digests/agent")


@case
def every_object_has_the_common_labels_and_annotations():
    objects = render(EVERYTHING)
    for key, item in objects.items():
        if key == ("ConfigMap", "extra"):
            continue
        same((key, item["metadata"]["labels"].get("team")), (key, "platform"))
        same((key, item["metadata"]["annotations"].get("example.com/owner")), (key, "platform"))
        for label in ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component", "helm.sh/chart"):
            assert item["metadata"]["labels"].get(label), (key, label)
    for component in ("operator", "gateway"):
        same(pod_of(objects, component)["metadata"]["labels"]["team"], "platform")


@case
def common_labels_replace_none_of_the_charts_own():
    objects = render({"commonLabels": {"app.kubernetes.io/component": "mine"}, "podLabels": {"app.kubernetes.io/name": "mine"}})
    deployment = objects["Deployment", "modelrun-operator"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for key, value in deployment["spec"]["selector"]["matchLabels"].items():
        same(labels[key], value)


@case
def names_do_not_follow_the_releases():
    """Those of an installed release stay; only an override changes them, and then every reference too."""
    first, second = render(EVERYTHING, release="modelrun"), render(EVERYTHING, release="other")
    same(set(first), set(second))
    objects = render({**EVERYTHING, "fullnameOverride": "second"})
    kept = {"extra", "modelrun-tokens"}
    for kind, name in objects:
        assert name.startswith("second-") or name in kept or kind == "CustomResourceDefinition", (kind, name)
    for (kind, name), item in objects.items():
        if kind.endswith("RoleBinding"):
            assert (item["roleRef"]["kind"], item["roleRef"]["name"]) in objects, (name, item["roleRef"])
            for subject in item["subjects"]:
                assert (subject["kind"], subject["name"]) in objects, (name, subject)
    operator = objects["Deployment", "second-operator"]["spec"]["template"]["spec"]
    assert ("ServiceAccount", operator["serviceAccountName"]) in objects
    assert "--run-server-service=second-run-server" in operator["containers"][0]["args"]
    services = [rule for rule in objects["Role", "second-operator"]["rules"] if rule["resources"] == ["services"]]
    same([rule["resourceNames"] for rule in services], [["second-run-server"]])
    assert "--allowed-host=second-gateway" in objects["Deployment", "second-gateway"]["spec"]["template"]["spec"]["containers"][0]["args"]
    # What the operator itself calls so keeps its name.
    leases = [rule for rule in objects["Role", "second-operator"]["rules"] if rule["resources"] == ["leases"] and "resourceNames" in rule]
    same([rule["resourceNames"] for rule in leases], [["modelrun-operator"]])


@case
def name_override_is_in_labels_and_selectors():
    objects = render({**GATEWAY, "nameOverride": "runs"})
    for component in ("operator", "gateway"):
        deployment = objects["Deployment", f"runs-{component}"]
        same(deployment["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"], "runs")
        same(deployment["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"], "runs")
    service = objects["Service", "runs-run-server"]
    same(service["spec"]["selector"], objects["Deployment", "runs-operator"]["spec"]["selector"]["matchLabels"])


@case
def a_second_release_shares_no_object_with_the_first():
    """A release with a gateway only, beside one with everything."""
    first = render(EVERYTHING)
    second = render({"operator": {"enabled": False}, "crds": {"install": False}, "fullnameOverride": "public",
                     "gateway": {"enabled": True, "tokenNamespace": "public-tokens"}}, release="public")
    same(set(first) & set(second), set())
    assert ("Deployment", "public-gateway") in second
    same({name for _, name in second}, {"public-gateway", "public-tokens"})


@case
def wrong_values_are_refused_by_name():
    for path, value in {
        "replica": 2, "replicas": -1, "crds.instal": True, "crds.keep": "yes", "fullnameOverride": "Upper", "commonLabels.a": 1,
        "image.repositories.agent": "Agent", "gateway.autoscaling.minReplicas": 0, "gateway.ingress.hosts": ["https://models.example.com"],
        "gateway.ingress.pathType": "prefix", "gateway.httpRoute.hostnames": ["*.example.com"], "gateway.tls.certManager.duration": "90 days",
        "gateway.service.type": "External", "gateway.service.port": 70000, "gateway.extraEnv": ["A=b"], "operator.extraVolumeMounts": [{"name": "a"}],
        "networkPolicy.egress.apiServerCIDRs": ["10.0.0.1"], "networkPolicy.egress.publicPorts": [], "topologySpreadConstraints": [{"maxSkew": 1}],
        "helmTest.git.url": "git@git.example.com:forecasts.git", "extraObjects": [1],
    }.items():
        refused(nested(path, value), path.rsplit(".", 1)[-1] if path != "commonLabels.a" else "commonLabels")


@case
def the_schema_knows_every_value_and_no_other():
    with open(os.path.join(CHART, "values.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)

    def properties(node, path=""):
        for name, item in node.get("properties", {}).items():
            yield path + name
            yield from properties(item, path + name + ".")

    # What stands below resources is Kubernetes' own.
    known = {path for path in known_values() if ".resources." not in "." + path}
    same(set(properties(schema)) ^ known, {"global"})


@case
def needs_the_oldest_kubernetes_that_the_tests_run_on():
    template(kubernetes="1.31.0")
    template(kubernetes="1.31.4-gke.100")
    refused({}, "1.31", kubernetes="1.30.9")


@case
def tells_the_operator_which_labels_to_pass_on():
    flags = container_of(render(), "operator")["args"]
    assert not [flag for flag in flags if flag.startswith("--propagate-labels")], flags
    flags = container_of(render({"operator": {"propagateLabels": ["team", "example.com/cost"]}}), "operator")["args"]
    same([flag for flag in flags if flag.startswith("--propagate-labels")], ["--propagate-labels=team", "--propagate-labels=example.com/cost"])


@case
def extra_objects_are_maps_or_templates():
    objects = render({"extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"in": "{{ .Release.Namespace }}"}},
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-b\n",
    ]})
    same(objects["ConfigMap", "a"]["data"], {"in": "modelrun-system"})
    assert ("ConfigMap", "modelrun-b") in objects
