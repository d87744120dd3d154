"""The other files of a release: chart, install.yaml, krew's manifest, digests, signature."""

import base64
import hashlib
import os
import shutil
import tarfile

import yaml

from chart import differences, render
from harness import case, same
from released import BINARIES, COMMITTED, REGISTRY, RELEASE, ROOT, URL, must, new_key, run


# With which each template of the chart is made.
VALUES = {"gateway": {"enabled": True, "tls": {"secretName": "t"}}}


@case
def chart_package_is_the_chart():
    package = RELEASE.file(f"modelrun-{RELEASE.version}.tgz")
    same(list(differences(render(VALUES, chart=package), render(VALUES))), [])
    with tarfile.open(package) as tar:
        entries = tar.getmembers()
        names = [entry.name for entry in entries]
        same(names, sorted(names))
        same({(entry.mtime, entry.uid, entry.uname) for entry in entries}, {(int(COMMITTED.timestamp()), 0, "")})
        chart = yaml.safe_load(tar.extractfile("modelrun/Chart.yaml"))
        same(tar.extractfile("modelrun/values.yaml").read(), open(os.path.join(ROOT, "charts/modelrun/values.yaml"), "rb").read())
    same((chart["version"], chart["appVersion"]), (RELEASE.version, RELEASE.version))


@case
def install_yaml_names_the_images_of_this_release():
    with open(RELEASE.file("install.yaml"), encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(ROOT, "install.yaml"), encoding="utf-8") as file:
        same(text, file.read().replace("registry.example.com/modelrun", REGISTRY))
    containers = [container for item in yaml.safe_load_all(text) if item and item["kind"] == "Deployment" for container in item["spec"]["template"]["spec"]["containers"]]
    same({container["image"] for container in containers}, {f"{REGISTRY}/operator:{RELEASE.version}"})
    for name in ("agent", "python"):
        assert f"{REGISTRY}/{name}:{RELEASE.version}" in text, name


@case
def krew_manifest_is_that_of_the_plugin():
    with open(RELEASE.file("modelrun.yaml"), encoding="utf-8") as file:
        (platform,) = yaml.safe_load(file)["spec"]["platforms"]
    with open(RELEASE.plugin, "rb") as file:
        same(platform["sha256"], hashlib.file_digest(file, "sha256").hexdigest())
    same(platform["uri"], f"{URL}/{os.path.basename(RELEASE.plugin)}")
    with tarfile.open(RELEASE.plugin) as tar:
        names = tar.getnames()
        assert b"libarchive-dev" in tar.extractfile("THIRD-PARTY-NOTICES").read()
    same([one["from"] for one in platform["files"]], names)
    assert platform["bin"] in names and "LICENSE" in names, names


@case
def digests_are_those_of_all_files():
    must("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=RELEASE.folder)
    with open(RELEASE.file("SHA256SUMS"), encoding="utf-8") as file:
        listed = {line.split()[1] for line in file}
    same(listed, set(os.listdir(RELEASE.folder)) - {"SHA256SUMS", "SHA256SUMS.sig", "release.pub"})
    copy = RELEASE.at("changed")
    shutil.copytree(RELEASE.folder, copy, ignore=lambda _, names: [name for name in names if name.endswith(".oci.tar")])
    with open(os.path.join(copy, "install.yaml"), "a", encoding="utf-8") as file:
        file.write("\n")
    code, said = run("sha256sum", "--check", "--ignore-missing", "SHA256SUMS", cwd=copy)
    assert code != 0 and "install.yaml: FAILED" in said, said


@case
def signature_is_that_of_the_digests_and_of_nothing_else():
    with open(RELEASE.file("SHA256SUMS.sig"), "rb") as file:
        signature = base64.b64decode(file.read(), validate=True)
    signature_file, changed = RELEASE.at("signature"), RELEASE.at("SHA256SUMS.changed")
    with open(signature_file, "wb") as file:
        file.write(signature)

    def verified(key, content):
        return run("openssl", "dgst", "-sha256", "-verify", key, "-signature", signature_file, content)[0] == 0

    with open(RELEASE.file("SHA256SUMS"), "rb") as file:
        content = bytearray(file.read())
    content[0] ^= 1
    with open(changed, "wb") as file:
        file.write(content)
    other = RELEASE.at("other.pub")
    must("openssl", "pkey", "-in", new_key(RELEASE.at("other.key")), "-pubout", "-out", other)
    public = RELEASE.file("release.pub")
    same([verified(public, RELEASE.file("SHA256SUMS")), verified(public, changed), verified(other, RELEASE.file("SHA256SUMS"))], [True, False, False])
    # What `cosign verify-blob` takes: one ASN.1 sequence of two integers.
    same((signature[0], signature[1], signature[2]), (0x30, len(signature) - 2, 0x02))


@case
def made_again_it_is_the_same_and_without_a_key_not_signed():
    again = RELEASE.at("again")
    code, said = RELEASE.attempt(RELEASE.version, "--out", again, "--registry", REGISTRY, "--url", URL)
    same(code, 0)
    assert "nothing is signed" in said and not os.path.exists(os.path.join(again, "SHA256SUMS.sig")), said
    with open(os.path.join(again, "SHA256SUMS"), encoding="utf-8") as one, open(RELEASE.file("SHA256SUMS"), encoding="utf-8") as other:
        same(one.read(), other.read())


@case
def page_of_flags_is_as_the_programs_say():
    """docs/flags.md: neither a flag nor a value of the chart that sets one is missing."""
    said = must(os.path.join(ROOT, "hack", "flags"), "--check", environment={"BINARIES": BINARIES})
    same(said, "")
