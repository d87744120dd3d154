"""The two ways of installing that are not Helm, in place of what hack/cluster has deployed. The commands and files are those of docs/install.md."""

import tempfile

from cases_helm import CRD, FILES, SYSTEM, without_the_deployed
from cases_lifecycle import expect
from cluster import OPERATOR_PODS, hack, wait_for
from documented import documented, documented_files, write_kustomization
from harness import case, same

PAGE = "install.md"
DOCUMENTED = "registry.example.com/modelrun"
FLAG = "--image-pull-policy=IfNotPresent"  # others are added before it


class Node:
    """What is different here: the images are on the node under other names, and git servers are private and without TLS."""

    def __init__(self):
        values = dict(each.split("=", 1) for each in hack("values").splitlines() if "=" in each)
        self.images = {name: values[f"image.{name}"] for name in ("operator", "agent", "python")}
        self.flags = ["--allow-http-git", "--allow-private-addresses"]
        if values.get("operator.landlock"):
            self.flags.append("--landlock=" + values["operator.landlock"])

    def edits(self):
        """As a command that changes the text of a manifest."""
        images = [f"s#{DOCUMENTED}/{name}:[0-9.]+#{image}#" for name, image in self.images.items()]
        flags = [f"s#^( *)- {FLAG}$#\\1- {flag}\\n&#M" for flag in self.flags]  # M: of several lines, as the one before makes them
        return "sed -E " + " ".join(f"-e '{each}'" for each in images + flags)


def operators(space):
    return {pod["metadata"]["uid"] for pod in space.get(OPERATOR_PODS)["items"] if "deletionTimestamp" not in pod["metadata"]}


def sample_runs(space, name):
    space.run(name)
    end = space.finish(name)
    expect(end, "Succeeded", "Succeeded")
    same(end["outputs"], {"n": 1})


@case(alone=True)
def install_yaml_is_one_command_and_so_are_its_upgrade_and_its_removal(space):
    node = Node()
    with without_the_deployed(space) as shell:
        # Who has applied the file before is its own manager of the CRDs; here hack/cluster is that.
        replaced = [("s#registry.example.com/modelrun#registry.example.com/yours#", ""), ("sed '' install.yaml |", f"{node.edits()} install.yaml |"),
                    ("--server-side -f", "--server-side --force-conflicts -f")]
        apply = documented("install.yaml | kubectl apply", PAGE, replaced)
        shell(apply)
        shell(f"kubectl rollout status deployment/modelrun-operator --namespace {SYSTEM} --timeout 120s")
        space.project(files=FILES, name="models")
        sample_runs(space, "first")
        before = operators(space)
        same(len(before), 2)
        said = shell(apply)  # the same version again
        assert "serverside-applied" in said, said
        same(operators(space), before)
        sample_runs(space, "second")
        shell(documented("kubectl delete -f install.yaml", PAGE))
        wait_for(lambda: not space.exists(CRD) and not space.exists(f"/api/v1/namespaces/{SYSTEM}"), 120, "nothing of install.yaml is left")
        same(shell("kubectl get clusterroles,clusterrolebindings --selector app.kubernetes.io/name=modelrun --output name"), "")


@case(alone=True)
def kustomize_installs_an_overlay_with_images_of_ones_own(space):
    node = Node()
    with without_the_deployed(space) as shell, tempfile.TemporaryDirectory() as folder:
        files = documented_files("Kustomize", PAGE)
        kustomization = files["kustomization.yaml"]
        for name, image in node.images.items():
            new, _, digest = image.partition("@")
            kustomization = kustomization.replace(f"newName: registry.example.com/yours/{name}, newTag: 0.1.0", f"newName: {new}, digest: {digest}")
        flags = "".join(f"      - {{op: add, path: /spec/template/spec/containers/0/args/-, value: {flag}}}\n" for flag in node.flags)
        kustomization += f"patches:\n  - target: {{kind: Deployment, name: modelrun-operator}}\n    patch: |\n{flags}"
        write_kustomization(folder, {**files, "kustomization.yaml": kustomization})
        command = documented("kubectl kustomize .", PAGE, [("kubectl kustomize .", f"kubectl kustomize {folder}"), ("--server-side -f", "--server-side --force-conflicts -f")])
        shell(command)
        shell(f"kubectl rollout status deployment/modelrun-operator --namespace {SYSTEM} --timeout 120s")
        space.project(files=FILES, name="models")
        same(len(operators(space)), 3)  # as config/overlays/ha says
        sample_runs(space, "first")
