#!/usr/bin/env python3
"""What an image or a program consists of, as CycloneDX 1.6.

usage: sbom.py image NAME ARCHIVE OUT --version V --created SECONDS --build DIR
       sbom.py program NAME FILE OUT --version V --created SECONDS --build DIR
       sbom.py notices OUT SBOM...     the copyright files of all Debian packages that these name

NAME: operator, agent, gateway or python; of programs, as ninja calls it. DIR: where CMake built the programs. Components are the Debian packages
whose files were copied into the image, whose archives were linked into its programs, or whose headers were compiled into them; the property
modelrun:use says which. Fails on an executable file that neither a package nor this project accounts for.
"""

import argparse
import hashlib
import json
import os
import sys
import tarfile
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import oci  # noqa: E402  # hack/oci.py
import packages  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
OURS = {"operator": ["modelrun-operator", "modelrun-source"], "gateway": ["modelrun-gateway"], "agent": ["modelrun-sandbox"], "python": []}
STATIC = {"modelrun-sandbox", "kubectl-modelrun-static"}
# Declarations of an interface, of which nothing is left in a program.
INTERFACES = {"linux-libc-dev"}
APACHE = [{"license": {"id": "Apache-2.0"}}]


def debian(package, use, text):
    """A component. `text`: of the package's copyright file."""
    purl = f"pkg:deb/debian/{package['name']}@{package['version'].replace('+', '%2B')}?arch={package['architecture']}&distro=debian-12"
    component = {
        "type": "library", "bom-ref": purl, "name": package["name"], "version": package["version"], "purl": purl,
        "properties": [{"name": "modelrun:source", "value": f"{package['source']} {package['source_version']}"}, {"name": "modelrun:use", "value": use}],
    }
    found = packages.licenses(text)
    return component | ({"licenses": found} if found else {})


class Contents:
    """The components of one image or program, by their reference."""

    def __init__(self, options):
        self.options, self.components = options, {}

    def add(self, component):
        self.components.setdefault(component["bom-ref"], component)

    def add_installed(self, how):
        for name, use in sorted(how.items()):
            if name not in INTERFACES:
                self.add(debian(packages.installed()[name], use, packages.copyright_of(name)))

    def add_program(self, name):
        self.add({"type": "application", "bom-ref": name, "name": name.removesuffix("-static"), "version": self.options.version, "licenses": APACHE})
        how, rest = packages.packages_of(packages.files_of(self.options.build, name, name in STATIC))
        for file in rest:
            if os.path.basename(file) != "libcpprest.a":
                raise packages.Unknown(f"{name}: {file} is of no Debian package: say in hack/release.d/sbom.py what it is")
            how["libcpprest-dev"] = "linked"  # compiled from the source of this package (cpprest.sh)
        self.add_installed(how)
        if name == "modelrun-gateway":
            for script, version in packages.vendored(os.path.join(ROOT, "src", "gateway", "web", "page", "vendor")):
                purl = f"pkg:npm/{script}@{version}"
                self.add({"type": "library", "bom-ref": purl, "name": script, "version": version, "purl": purl, "licenses": [{"license": {"id": "MIT"}}],
                          "properties": [{"name": "modelrun:use", "value": "compiled in"}]})

    def document(self, subject):
        components = [self.components[key] for key in sorted(self.components)]
        digest = hashlib.sha256(packages.encode([subject, components]).encode()).hexdigest()
        return {
            "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
            "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
            "metadata": {"timestamp": oci.moment(self.options.created), "component": subject, "tools": {"components": [{"type": "application", "name": "hack/release.d/sbom.py", "version": self.options.version}]}},
            "components": components,
            "dependencies": [{"ref": subject["bom-ref"], "dependsOn": [one["bom-ref"] for one in components]}],
        }


def image(options):
    contents = Contents(options)
    with tarfile.open(options.file) as archive:
        entry, manifest = oci.image_in(archive)
        with tarfile.open(fileobj=archive.extractfile(oci.blob_path(manifest["layers"][0]))) as layer:
            fill(contents, layer)
    subject = {"type": "container", "bom-ref": f"image-{options.name}", "name": f"modelrun-{options.name}", "version": options.version,
               "hashes": [{"alg": "SHA-256", "content": entry["digest"].removeprefix("sha256:")}]}
    return contents.document(subject)


def fill(contents, layer):
    files = {entry.name: entry for entry in layer.getmembers() if entry.isreg()}
    if "var/lib/dpkg/status" in files:
        for package in packages.from_status(layer.extractfile("var/lib/dpkg/status").read().decode()):
            contents.add(debian(package, "copied", notice(layer, package["name"])))
        return
    for name in OURS[contents.options.name]:
        contents.add_program(name)
    owned = packages.owners(["/" + name for name in files])
    how = {owner: "copied" for owner in owned.values()}
    if "etc/ssl/certs/ca-certificates.crt" in files:
        how["ca-certificates"] = "copied"  # its file is made when the package is installed
    contents.add_installed(how)
    for name, entry in files.items():
        if "/" + name not in owned and os.path.basename(name) not in OURS[contents.options.name] and layer.extractfile(entry).read(4) == b"\x7fELF":
            raise packages.Unknown(f"{contents.options.file}: no Debian package of this machine has /{name}, an executable file")


def notice(layer, package):
    """The text of a package's copyright file in a layer: it may be in a folder that is a link to another package's."""
    folder = f"usr/share/doc/{package}"
    try:
        if layer.getmember(folder).issym():
            folder = os.path.normpath(os.path.join("usr/share/doc", layer.getmember(folder).linkname))
        return layer.extractfile(f"{folder}/copyright").read().decode(errors="replace")
    except KeyError:
        return ""


def program(options):
    contents = Contents(options)
    contents.add_program(options.name)
    subject = contents.components.pop(options.name)
    with open(options.file, "rb") as file:
        subject["hashes"] = [{"alg": "SHA-256", "content": hashlib.file_digest(file, "sha256").hexdigest()}]
    return contents.document(subject)


def notices(out, sboms):
    names = set()
    for path in sboms:
        with open(path, encoding="utf-8") as file:
            names |= {one["name"] for one in json.load(file)["components"] if one.get("purl", "").startswith("pkg:deb/")}
    with open(out, "w", encoding="utf-8") as file:
        file.write("What stands beside this file holds parts of these packages of Debian 12, whose copyright files follow. The SBOM (*.cdx.json) names\n"
                   "the version of each and of its source package, which Debian distributes.\n")
        for name in sorted(names):
            text = packages.copyright_of(name)
            if not text:
                raise packages.Unknown(f"{name}: there is no /usr/share/doc/{name}/copyright on this machine")
            file.write(f"\n{'=' * 100}\n{name}\n{'=' * 100}\n\n{text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function in (("image", image), ("program", program)):
        one = commands.add_parser(name)
        for argument in ("name", "file", "out"):
            one.add_argument(argument)
        one.add_argument("--version", required=True)
        one.add_argument("--created", type=int, required=True)
        one.add_argument("--build", required=True)
        one.set_defaults(make=function)
    one = commands.add_parser("notices")
    one.add_argument("out")
    one.add_argument("sboms", nargs="+")
    options = parser.parse_args()
    try:
        if options.command == "notices":
            notices(options.out, options.sboms)
            return
        document = options.make(options)
    except packages.Unknown as error:
        sys.exit(f"sbom.py: {error}")
    with open(options.out, "w", encoding="utf-8") as file:
        file.write(packages.encode(document))
    print(options.out, len(document["components"]), "components")


if __name__ == "__main__":
    main()
