"""The pods of operator and gateway: what may be added to them, where they run, and what they may do."""

from chart import EVERYTHING, container_of, pod_of, render
from harness import case, same



def extras(name):
    return {
        "extraEnv": [{"name": "EXTRA", "value": name}],
        "extraVolumes": [{"name": "extra", "configMap": {"name": name}}],
        "extraVolumeMounts": [{"name": "extra", "mountPath": "/etc/extra", "readOnly": True}],
    }


@case
def extra_variables_and_volumes_are_where_they_belong():
    mount = {"name": "extra", "mountPath": "/etc/ssl/certs"}
    objects = render({"operator": extras("a"), "source": {"extraVolumeMounts": [mount]}, "gateway": {"enabled": True, **extras("b")}})
    for component, name in {"operator": "a", "gateway": "b"}.items():
        container = container_of(objects, component)
        assert {"name": "EXTRA", "value": name} in container["env"], container["env"]
        assert extras(name)["extraVolumeMounts"][0] in container["volumeMounts"]
        assert extras(name)["extraVolumes"][0] in pod_of(objects, component)["spec"]["volumes"]
    source = container_of(objects, "operator", "source")
    assert mount in source["volumeMounts"]
    assert not source.get("env"), "git gets none of the operator's variables"


@case
def token_is_in_the_operators_container_only():
    objects = render({"operator": extras("a")})
    pod = pod_of(objects, "operator")["spec"]
    same(pod["automountServiceAccountToken"], False)
    with_token = [c["name"] for c in pod["containers"] if any(m["name"] == "token" for m in c["volumeMounts"])]
    same(with_token, ["operator"])


@case
def spreads_over_zones_and_nodes_unless_told_otherwise():
    objects = render({"gateway": {"enabled": True}})
    for component in ("operator", "gateway"):
        spec = pod_of(objects, component)["spec"]
        selector = objects["Deployment", f"modelrun-{component}"]["spec"]["selector"]
        same(spec["topologySpreadConstraints"], [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
                                                  "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}])
        term = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]
        same(term["labelSelector"], selector)
    given = {"maxSkew": 2, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    own = {**given, "labelSelector": {"matchLabels": {"a": "b"}}}
    affinity = {"nodeAffinity": {}}
    values = {"topologySpreadConstraints": [given, own], "affinity": affinity}
    objects = render({**values, "gateway": {"enabled": True, **values}})
    for component in ("operator", "gateway"):
        spec = pod_of(objects, component)["spec"]
        selector = objects["Deployment", f"modelrun-{component}"]["spec"]["selector"]
        same(spec["topologySpreadConstraints"], [{**given, "labelSelector": selector}, own])
        same(spec["affinity"], affinity)


@case
def annotations_and_labels_of_pods():
    objects = render({"podAnnotations": {"a": "1"}, "podLabels": {"b": "2"}, "serviceAccount": {"annotations": {"c": "3"}},
                      "gateway": {"enabled": True, "podAnnotations": {"a": "4"}, "podLabels": {"b": "5"}, "serviceAccount": {"annotations": {"c": "6"}},
                                  "jwtIssuers": EVERYTHING["gateway"]["jwtIssuers"]}})
    for component, expected in {"operator": ("1", "2", "3"), "gateway": ("4", "5", "6")}.items():
        pod = pod_of(objects, component)["metadata"]
        account = objects["ServiceAccount", f"modelrun-{component}"]["metadata"]
        same((pod["annotations"]["a"], pod["labels"]["b"], account["annotations"]["c"]), expected)
    assert "modelrun.dev/jwt-issuers" in pod_of(objects, "gateway")["metadata"]["annotations"]


def offences(pod):
    """Against the Pod Security Standard `restricted`, in so far as this chart could."""
    spec = pod["spec"]
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield field
    volumes = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
    for volume in spec.get("volumes", []):
        if not set(volume) - {"name"} <= volumes:
            yield f"volume {volume}"
    for container in spec.get("initContainers", []) + spec["containers"]:
        context = container.get("securityContext", {})
        either = {**spec.get("securityContext", {}), **context}
        bad = {
            "privileged": context.get("privileged"),
            "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is not False,
            "runAsNonRoot": either.get("runAsNonRoot") is not True,
            "runAsUser": either.get("runAsUser") == 0,
            "seccompProfile": either.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"),
            "capabilities": context.get("capabilities") != {"drop": ["ALL"]},
            "hostPort": any("hostPort" in port for port in container.get("ports", [])),
            # Not of the standard, but of this chart.
            "readOnlyRootFilesystem": context.get("readOnlyRootFilesystem") is not True,
        }
        yield from (f"{container['name']}: {name}" for name, found in bad.items() if found)


def pods_of(objects):
    for (kind, name), item in objects.items():
        if kind == "Deployment":
            yield name, item["spec"]["template"]
        elif kind == "Pod":
            yield name, item


@case
def every_pod_keeps_to_the_restricted_pod_security_standard():
    found = dict(pods_of(render(EVERYTHING)))
    same(set(found), {"modelrun-operator", "modelrun-gateway", "modelrun-test"})
    for name, pod in found.items():
        same((name, list(offences(pod))), (name, []))
    bad = {"spec": {"hostNetwork": True, "volumes": [{"name": "v", "hostPath": {"path": "/"}}], "containers": [{"name": "c"}]}}
    same(len(list(offences(bad))), 7)  # the check sees what it is for


@case
def every_volume_mount_has_its_volume():
    for name, pod in pods_of(render({**EVERYTHING, "operator": extras("a")})):
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        mounts = {mount["name"] for container in pod["spec"]["containers"] for mount in container.get("volumeMounts", [])}
        same((name, mounts), (name, volumes))


@case
def several_replicas_have_a_disruption_budget():
    for replicas in (0, 1, 2):
        objects = render({"replicas": replicas, "gateway": {"enabled": True, "replicas": replicas}})
        for component in ("operator", "gateway"):
            same(("PodDisruptionBudget", f"modelrun-{component}") in objects, replicas > 1)
