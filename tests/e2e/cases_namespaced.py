"""Releases for some namespaces, in place of what hack/cluster has deployed: one that a team without rights over the cluster installs, as
docs/install.md says, and one beside it."""

import contextlib
import json
import re
import urllib.error
import urllib.request

from cases_chart import CHART
from cases_helm import FILES, KINDS, LABEL, Release, without_the_deployed
from cases_lifecycle import expect
from cluster import JOBS, ApiError, Space, hack, wait_for
from documented import documented
from harness import case, same

PAGE = "install.md"
GROUP = "team-a"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/modelrun-operator"
UNTOUCHED = {"observedGeneration": -1}  # the status of a run that no operator has seen, by the CRD's default
AS_TEAM = ["--kube-as-user", "ann", "--kube-as-group", GROUP]


def system_of(space):
    """The node lets pods of such a namespace reach the API server and git servers, as it lets those of modelrun-system."""
    return "modelrun-system-" + space.name


class TeamRelease(Release):
    """A release named modelrun in a namespace of its own, of which `space` is the only one that it takes care of."""

    def __init__(self, space, flags):
        super().__init__(space, flags)
        self.system = system_of(space)

    def helm(self, verb, *arguments):
        return self.shell(f"helm {verb} --namespace {self.system}", *arguments)

    def install_here(self, *arguments):
        return self.helm(f"install modelrun {CHART}", *self.flags, "--set", f"watchNamespaces={{{self.space.name}}}", *arguments)

    def wait_ready(self):
        for name in self.shell(f"kubectl get deployments --namespace {self.system} --selector {LABEL} --output name").split():
            self.shell(f"kubectl rollout status --namespace {self.system} {name} --timeout 120s")

    def everywhere(self):
        """Namespaces of the objects that Helm has made here, by kind; None for those of the cluster."""
        listed = json.loads(self.shell(f"kubectl get {KINDS} --all-namespaces --selector {LABEL} --output json"))["items"]
        mine = (self.system, self.space.name, None)
        return {(item["kind"], item["metadata"].get("namespace")) for item in listed if item["metadata"].get("namespace") in mine}

    def service_name(self):
        return self.shell(f"kubectl get services --namespace {self.system} modelrun-run-server --output jsonpath={{.spec.clusterIP}}")


@contextlib.contextmanager
def namespaces(space, *names):
    """Spaces of those names, and a system namespace for each."""
    made = [Space(space.cluster, name) for name in names]
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    for each in made:
        space.post("/api/v1/namespaces", {"metadata": {"name": system_of(each), "labels": labels}})
    try:
        yield made
    finally:
        for each in made:
            each.remove()
            with contextlib.suppress(ApiError):
                space.delete(f"/api/v1/namespaces/{system_of(each)}")


def team_of(space, release):
    """What an administrator does for the team, word for word, but for the right to create TokenReviews; gives that command."""
    shell = release.shell
    shell("kubectl delete clusterrole modelrun-installer --ignore-not-found")
    shell(documented("clusterrole modelrun-installer", PAGE, [("-f crds/", "--force-conflicts -f crds/")]))
    names = [("in team-a team-a-modelrun;", f"in {release.space.name} {release.system};"), ("clusterrolebinding modelrun-team-a", f"clusterrolebinding {space.name}"),
             ("=team-a-modelrun:", f"={release.system}:"), ('  kubectl create namespace "$namespace"\n', "")]
    block = documented("--clusterrole=system:auth-delegator", PAGE, names)
    roles, last, binding = block.partition("done\n")
    shell(roles + last + ":")
    return binding


@case(alone=True)
def a_team_installs_for_its_namespace(space):
    """Without rights over the cluster. The operator waits for the right to create TokenReviews, and then runs what is in the one namespace."""
    with without_the_deployed(space) as shell, namespaces(space, "team") as (team,):
        tokens = team.name + "-tokens"
        release = TeamRelease(team, [*hack("values").splitlines(), "--set", f"gateway.tokenNamespace={tokens}"])
        try:
            space.post("/api/v1/namespaces", {"metadata": {"name": tokens}})
            binding = team_of(space, release)
            shell(f"kubectl -n {tokens} create rolebinding team-a --clusterrole=admin --group={GROUP}")
            left_out = [word for each in ("crds.install", "rbac.tokenReviews", "gateway.createTokenNamespace") for word in ("--set", f"{each}=false")]
            release.install_here(*left_out, *AS_TEAM)
            same({kind for kind, namespace in release.everywhere() if namespace is None}, set())
            said = wait_for(lambda: missing_right(release), 60, "the log says what is missing")
            assert '"ready"' not in said, said
            shell(binding)
            release.wait_ready()
            for each in (team, space):
                each.project(files=FILES)
                each.run("first")
            end = team.finish("first")
            expect(end, "Succeeded", "Succeeded")
            same((end["outputs"], end["attempts"], len(team.items(JOBS))), ({"n": 1}, 1, 1))
            same((space.status("first"), space.items(JOBS)), (UNTOUCHED, []))
            gateway_shows_one_namespace(release, space.name)
            helm_test_runs_there(release)
            # Nothing is left of the release but what the documentation says.
            release.helm("uninstall modelrun --wait", *AS_TEAM)
            same(release.everywhere(), set())
            same(team.status("first"), end)
            same(team.get(LEASE.format(release.system))["metadata"]["name"], "modelrun-operator")
            assert team.exists(f"/api/v1/namespaces/{release.system}/secrets/modelrun-run-server-tls")
            assert team.exists(f"/apis/networking.k8s.io/v1/namespaces/{team.name}/networkpolicies/modelrun-sandbox")
        finally:
            release.helm("uninstall modelrun --ignore-not-found --wait")
            shell(f"kubectl delete clusterrole,clusterrolebinding modelrun-installer {space.name}-token-reviews --ignore-not-found")
            with contextlib.suppress(ApiError):
                space.delete(f"/api/v1/namespaces/{tokens}")


def missing_right(release):
    """The operator's log, once it says that it may not create TokenReviews; there is none before its container has started."""
    said = release.shell(f"kubectl logs --namespace {release.system} deployment/modelrun-operator --container operator --tail 20 2>&1 || true; true")
    return said if "system:auth-delegator" in said else None


def gateway_shows_one_namespace(release, other):
    """To somebody who may see the projects of two."""
    shell, team = release.shell, release.space
    shell(f"kubectl -n {team.name} create rolebinding default-sees --role modelrun-viewer --serviceaccount {team.name}:default")
    shell(f"kubectl -n {other} create rolebinding default-sees --clusterrole modelrun-installer --serviceaccount {team.name}:default")
    address = shell(f"kubectl get services --namespace {release.system} modelrun-gateway --output jsonpath={{.spec.clusterIP}}")
    token = shell(f"kubectl create token default --namespace {team.name} --audience modelrun.dev/gateway").strip()

    def ask(path):
        request = urllib.request.Request(f"http://{address}{path}", headers={"Authorization": "Bearer " + token})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    status, said = ask("/v1/projects?namespace=%2A")
    same((status, [each["project_name"] for each in said["projects"]]), (200, ["models"]))
    same(ask(f"/v1/projects?namespace={other}")[0], 404)


def helm_test_runs_there(release):
    url = release.space.repo({"run.py": "result = {'n': 3}\n"}, release.space.name + "-test")
    release.helm(f"upgrade modelrun {CHART} --reuse-values --set helmTest.git.url={url} --wait", *AS_TEAM)
    said = release.helm("test modelrun --logs 2>&1", *AS_TEAM)
    assert '"n": 3' in said and re.search(r"^run helm-test-[0-9a-f]+: Succeeded", said, re.MULTILINE), said
    runs = [run["metadata"]["name"] for run in release.space.get(f"/apis/modelrun.dev/v1alpha1/namespaces/{release.space.name}/modelruns")["items"]]
    same(runs, ["first"])


@case(alone=True)
def two_operators_for_namespaces_of_their_own(space):
    """Side by side, with the same names: each run is executed once, by the operator of its namespace."""
    with without_the_deployed(space), namespaces(space, "left", "right") as spaces:
        flags = [*hack("values").splitlines(), "--set", "gateway.enabled=false", "--set", "crds.install=false", "--set", "replicas=1"]
        releases = [TeamRelease(each, flags) for each in spaces]
        try:
            for release in releases:
                release.install_here()
            for release in releases:
                release.wait_ready()
            for each in (*spaces, space):
                each.project(files=FILES)
                for name in ("first", "second"):
                    each.run(name)
            for release in releases:
                for name in ("first", "second"):
                    end = release.space.finish(name)
                    expect(end, "Succeeded", "Succeeded")
                    same((end["outputs"], end["attempts"]), ({"n": 1}, 1))
                jobs = release.space.items(JOBS)
                same(len(jobs), 2)
                # The pods of a run call the operator of their namespace.
                assert all(release.service_name() in json.dumps(job["spec"]) for job in jobs), jobs[0]["spec"]
                holder = space.get(LEASE.format(release.system))["spec"]["holderIdentity"]
                assert holder.startswith("modelrun-operator-"), holder
            addresses = {release.service_name() for release in releases}
            same(len(addresses), 2)
            same((space.status("first"), space.items(JOBS)), (UNTOUCHED, []))
            # One goes; the other goes on, and does not take over what was the first's.
            releases[0].helm("uninstall modelrun --wait")
            for each in spaces:
                each.run("third")
            expect(spaces[1].finish("third"), "Succeeded", "Succeeded")
            same((spaces[0].status("third"), len(spaces[0].items(JOBS))), (UNTOUCHED, 2))
        finally:
            for release in releases:
                release.helm("uninstall modelrun --ignore-not-found --wait")
