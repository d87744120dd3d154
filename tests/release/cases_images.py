"""The images' archives, and what is listed as their contents."""

import hashlib
import json
import os
import shutil
import tarfile

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from harness import case, same
from released import BINARIES, COMMITTED, IMAGES, REGISTRY, RELEASE, ROOT, must, oci, run


def blob(archive, descriptor):
    """The bytes of a blob, which must be those that its descriptor promises."""
    content = archive.extractfile("blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")).read()
    same((len(content), "sha256:" + hashlib.sha256(content).hexdigest()), (descriptor["size"], descriptor["digest"]))
    return content


def parts(path):
    """(the image's entry in the index, its manifest, its config, its layer's digest) of an archive, with every digest compared."""
    with tarfile.open(path) as archive:
        same(json.load(archive.extractfile("oci-layout")), {"imageLayoutVersion": "1.0.0"})
        (entry,) = json.load(archive.extractfile("index.json"))["manifests"]
        manifest = json.loads(blob(archive, entry))
        config = json.loads(blob(archive, manifest["config"]))
        (layer,) = manifest["layers"]
        blob(archive, layer)
        same(config["rootfs"]["diff_ids"], [layer["digest"]])
    return entry, manifest, config, layer["digest"]


@case
def archives_are_oci_images_of_this_version():
    revision = must("git", "rev-parse", "HEAD", cwd=RELEASE.clone).strip()
    for name in IMAGES:
        entry, manifest, config, _ = parts(RELEASE.image(name))
        same(entry["annotations"]["io.containerd.image.name"], f"{REGISTRY}/{name}:{RELEASE.version}")
        labels = config["config"]["Labels"]
        same(manifest["annotations"], labels)
        same((config["architecture"], config["os"], config["created"]), (RELEASE.architecture, "linux", oci.moment(COMMITTED.timestamp())))
        told = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
        same((told["version"], told["revision"], told["created"]), (RELEASE.version, revision, config["created"]))
        same(sorted(told), ["created", "licenses", "revision", "source", "title", "version"])


@case
def layers_are_those_of_the_images_that_are_tested():
    for name in IMAGES:
        tested = must(os.path.join(ROOT, "hack", "images"), "path", name, environment={"BINARIES": BINARIES}).splitlines()[-1]
        same((name, parts(RELEASE.image(name))[3]), (name, parts(tested)[3]))


def invalid(text):
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


@case
def sboms_are_valid_cyclonedx():
    for name in [f"modelrun-{image}" for image in IMAGES] + ["kubectl-modelrun"]:
        with open(RELEASE.sbom(name), encoding="utf-8") as file:
            text = file.read()
        assert not invalid(text), f"{name}: {invalid(text)}"
    assert invalid(text.replace('"library"', '"book"')), "the validator takes anything"


def components(name):
    with open(RELEASE.sbom(name), encoding="utf-8") as file:
        return {one["name"]: one for one in json.load(file)["components"]}


def use_of(component):
    return next(one["value"] for one in component["properties"] if one["name"] == "modelrun:use")


@case
def sboms_name_what_is_copied_linked_and_compiled_in():
    operator = components("modelrun-operator")
    installed = must("dpkg-query", "--show", "--showformat", "${Version}", "libssl3")
    same((operator["libssl3"]["version"], use_of(operator["libssl3"])), (installed, "copied"))
    same([use_of(operator[name]) for name in ("git", "libcurl3-gnutls", "ca-certificates", "nlohmann-json3-dev")], ["copied"] * 3 + ["compiled in"])
    plugin = components("kubectl-modelrun")
    same([use_of(plugin[name]) for name in ("libssl-dev", "libc6-dev", "libcpprest-dev", "libcli11-dev")], ["linked"] * 3 + ["compiled in"])
    assert "modelrun-sandbox" in components("modelrun-agent") and "libseccomp-dev" in components("modelrun-agent")
    same(components("modelrun-gateway")["chart.js"]["licenses"], [{"license": {"id": "MIT"}}])
    python = components("modelrun-python")
    assert {"python3", "python3-numpy", "python3-pandas", "libc6"} <= set(python), sorted(python)
    assert sum("licenses" in one for one in python.values()) > len(python) / 2, "most copyright files are missing in the Python image"


@case
def an_executable_of_no_package_is_refused():
    root, archive = RELEASE.at("root"), RELEASE.at("stray.tar")
    os.makedirs(os.path.join(root, "usr", "bin"))
    shutil.copy("/bin/true", os.path.join(root, "usr", "bin", "stray"))
    must("python3", os.path.join(ROOT, "hack", "oci.py"), root, archive, "--name", "localhost/stray:dev")
    code, said = run("python3", os.path.join(ROOT, "hack", "release.d", "sbom.py"), "image", "gateway", archive, RELEASE.at("stray.cdx.json"),
                     "--version", "0.0.0", "--created", "0", "--build", os.path.dirname(BINARIES))
    assert code != 0 and "/usr/bin/stray" in said, said
