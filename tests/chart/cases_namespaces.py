"""A release for some namespaces: which rights it has, and what two of them share."""

from chart import container_of, refused, render, render_all
from harness import case, same

TEST = {"git": {"url": "https://git.example.com/f.git"}}
# All that a release for some namespaces can have.
TEAM = {"watchNamespaces": ["team-a", "team-b"], "gateway": {"enabled": True, "tokenNamespace": "team-tokens"}, "helmTest": TEST}
# What of it stands over the cluster, by the value that leaves it out.
OVER_THE_CLUSTER = {
    "CustomResourceDefinition": {"crds": {"install": False}},
    "ClusterRole": {"rbac": {"tokenReviews": False}},
    "ClusterRoleBinding": {"rbac": {"tokenReviews": False}},
    "Namespace": {"gateway": {**TEAM["gateway"], "createTokenNamespace": False}},
}
NONE_OVER_THE_CLUSTER = {key: value for without in OVER_THE_CLUSTER.values() for key, value in without.items()}


def rules_of(objects, kind, namespace, name):
    """{(group, resource, names): verbs}"""
    rules = {}
    for rule in objects[kind, namespace, name]["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                rules.setdefault((group, resource, tuple(rule.get("resourceNames", ()))), set()).update(rule["verbs"])
    return rules


@case
def some_namespaces_take_roles_only():
    """Each kind that is left over the cluster has a value that leaves it out, and one role over the cluster creates TokenReviews."""
    objects = render_all(TEAM)
    same({kind for kind, namespace, _ in objects if namespace is None}, set(OVER_THE_CLUSTER))
    same(rules_of(objects, "ClusterRole", None, "modelrun-modelrun-system-token-reviews"), {("authentication.k8s.io", "tokenreviews", ()): {"create"}})
    same(sorted(name for kind, _, name in objects if kind.startswith("ClusterRole")), ["modelrun-modelrun-system-token-reviews"] * 2)
    subjects = objects["ClusterRoleBinding", None, "modelrun-modelrun-system-token-reviews"]["subjects"]
    same([each["name"] for each in subjects], ["modelrun-operator", "modelrun-gateway"])
    left = render_all({**TEAM, **NONE_OVER_THE_CLUSTER})
    same([key for key in left if key[1] is None], [])
    same({namespace for _, namespace, _ in left}, {"modelrun-system", "team-a", "team-b", "team-tokens"})
    for kind, without in OVER_THE_CLUSTER.items():
        assert kind not in {key[0] for key in render_all({**TEAM, **without})}, kind


@case
def the_roles_are_what_the_cluster_roles_would_be():
    """In every one of the namespaces; but for the reviews, of which one is local and the other has a role of its own."""
    everywhere, some = render_all({"gateway": {"enabled": True}}), render_all(TEAM)
    reviews = {("authentication.k8s.io", "tokenreviews", ()), ("authorization.k8s.io", "subjectaccessreviews", ())}
    secrets = rules_of(everywhere, "ClusterRole", None, "modelrun-operator-secrets")
    local = {("authorization.k8s.io", "localsubjectaccessreviews", ()): {"create"}}
    for namespace in TEAM["watchNamespaces"]:
        for component, more in (("operator", secrets), ("gateway", local)):
            cluster = rules_of(everywhere, "ClusterRole", None, f"modelrun-{component}")
            expected = {**{key: verbs for key, verbs in cluster.items() if key not in reviews}, **more}
            same(rules_of(some, "Role", namespace, f"modelrun-modelrun-system-{component}"), expected)
        for role in ("viewer", "editor", "owner"):
            same(rules_of(some, "Role", namespace, f"modelrun-{role}"), rules_of(everywhere, "ClusterRole", None, f"modelrun-{role}"))
            labels = some["Role", namespace, f"modelrun-{role}"]["metadata"]["labels"]
            assert not [label for label in labels if "aggregate" in label], labels
    for (kind, namespace, name), item in some.items():
        if kind == "RoleBinding":
            assert (item["roleRef"]["kind"], namespace, item["roleRef"]["name"]) in some, (namespace, name, item["roleRef"])
            for subject in item["subjects"]:
                assert (subject["kind"], subject["namespace"], subject["name"]) in some, (name, subject)


@case
def programs_and_policies_know_the_namespaces():
    objects = render({**TEAM, "watchNamespaces": ["team-a"]})
    for component in ("operator", "gateway"):
        assert "--watch-namespaces=team-a" in container_of(objects, component)["args"], component
    pod = render_all(TEAM)["Deployment", "modelrun-system", "modelrun-operator"]["spec"]["template"]["spec"]
    assert "--watch-namespaces=team-a,team-b" in pod["containers"][0]["args"], pod["containers"][0]["args"]
    (run_server,) = [rule for rule in objects["NetworkPolicy", "modelrun-operator"]["spec"]["ingress"] if rule["ports"][0]["port"] == "run-server"]
    same(run_server["from"][0]["namespaceSelector"],
         {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["team-a"]}]})
    for component in ("operator", "gateway"):
        flags = container_of(render({"gateway": {"enabled": True}}), component)["args"]
        same([flag for flag in flags if flag.startswith("--watch-namespaces")], [])


@case
def secrets_are_read_in_watched_namespaces_only():
    def readers(names):
        objects = render_all({**TEAM, "rbac": {"secretNamespaces": names}})
        roles = {namespace for kind, namespace, name in objects if kind == "Role" and name.endswith("-system-operator")}
        return {each for each in roles if ("", "secrets", ()) in rules_of(objects, "Role", each, "modelrun-modelrun-system-operator")}

    same((readers(["*"]), readers(["team-b"]), readers([])), ({"team-a", "team-b"}, {"team-b"}, set()))
    refused({**TEAM, "rbac": {"secretNamespaces": ["team-c"]}}, "rbac.secretNamespaces: team-c is not in watchNamespaces")
    refused({**TEAM, "gateway": {"enabled": True, "tokenNamespace": "team-a"}}, "gateway.tokenNamespace must not be team-a")
    for wrong in (["team-a", "team-a"], ["Team"], [""], ["*"], [f"n{i}" for i in range(33)], "team-a"):
        refused({"watchNamespaces": wrong}, "watchNamespaces")


@case
def two_releases_for_namespaces_of_their_own_share_the_crds_only():
    """With the same names, in system namespaces of their own; and neither shares anything with a gateway for all namespaces."""
    first = render_all({**TEAM, "watchNamespaces": ["team-a"]}, namespace="system-a")
    second = render_all({**TEAM, "watchNamespaces": ["team-b"], "gateway": {"enabled": True, "tokenNamespace": "b-tokens"}}, release="other", namespace="system-b")
    same({kind for kind, _, _ in set(first) & set(second)}, {"CustomResourceDefinition"})
    # Two gateways for one namespace, one of them in a release without an operator.
    beside = render_all({"watchNamespaces": ["team-a"], "operator": {"enabled": False}, "crds": {"install": False},
                         "gateway": {"enabled": True, "tokenNamespace": "public-tokens"}}, namespace="system-c")
    same(set(first) & set(beside), set())
    every = render_all({"operator": {"enabled": False}, "crds": {"install": False}, "gateway": {"enabled": True, "tokenNamespace": "all-tokens"}})
    same(set(first) & set(every), set())


@case
def the_test_runs_where_the_operator_looks():
    def place(namespaces):
        objects = render_all({"watchNamespaces": namespaces, "helmTest": TEST})
        (role,) = [(namespace, name) for kind, namespace, name in objects if kind == "Role" and name.endswith("-test")]
        binding = objects["RoleBinding", *role]
        same((binding["roleRef"]["name"], binding["subjects"][0]["namespace"]), (role[1], "modelrun-system"))
        (container,) = objects["Pod", "modelrun-system", "modelrun-test"]["spec"]["containers"]
        return role, {each["name"]: each["value"] for each in container["env"]}["NAMESPACE"]

    here = (("modelrun-system", "modelrun-test"), "modelrun-system")
    same(place([]), here)
    same(place(["team-a", "modelrun-system"]), here)
    same(place(["team-b", "team-a"]), (("team-b", "modelrun-modelrun-system-test"), "team-b"))
