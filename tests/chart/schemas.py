"""JSON schemas for kubeconform, without a network but the one that Go modules come by: of Kubernetes' own kinds from its OpenAPI description, of
others from their CRDs."""

import functools
import json
import os
import re
import subprocess
import tempfile

import yaml

from chart import ROOT
from hack_library import library
from harness import Skip

# The chart makes objects of these kinds, and links against neither of the modules.
OTHERS = {
    "sigs.k8s.io/gateway-api@v1.4.0": "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    "github.com/cert-manager/cert-manager@v1.19.1": "deploy/crds/cert-manager.io_certificates.yaml",
}


def module_folder(module, modfile="go.mod"):
    """Where Go has the files of a module, which it may have to get first."""
    command = [library("find_go"), "mod", "download", "-json", f"-modfile={modfile}", module]
    folder = os.path.join(ROOT, "hack", "node")
    done = subprocess.run(command, cwd=folder, env={**os.environ, "GOTOOLCHAIN": "local"}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"the Go module {module} cannot be had: {(done.stderr or done.stdout).strip()[-300:]}")
    return json.loads(done.stdout)["Dir"]


def strict(schema):
    """The schema, in which a field that it does not know is wrong now. Changed in place."""
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        schema.pop("format", None)
        schema.pop("anyOf", None)
        schema["type"] = ["string", "integer"]
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    below = [*schema.get("properties", {}).values(), schema.get("additionalProperties"), schema.get("items")]
    for word in ("allOf", "anyOf", "oneOf"):
        # These only narrow what stands beside them, and name a part of its fields.
        below += [item.get("items") for item in schema.get(word, [])]
    for item in below:
        strict(item)
    return schema


def referenced(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rsplit("/", 1)[1]
        for item in node.values():
            yield from referenced(item)
    elif isinstance(node, list):
        for item in node:
            yield from referenced(item)


def file_name(kind, group, version):
    """As kubeconform asks for it: {{.ResourceKind}}{{.KindSuffix}}.json."""
    return "-".join(filter(None, (kind.lower(), group.split(".")[0], version))) + ".json"


def write(folder, kind, group, version, schema):
    with open(os.path.join(folder, file_name(kind, group, version)), "w", encoding="utf-8") as file:
        json.dump(schema, file)


def write_own_kinds(folder, openapi):
    definitions = openapi["definitions"]
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    # A JSON schema within a CRD: its fields may hold anything, which the API server checks by rules of its own.
    for name in definitions:
        if re.search(r"\.JSON(SchemaPropsOr.*)?$", name):
            definitions[name] = {}
    for definition in definitions.values():
        strict(definition)
    for name, definition in list(definitions.items()):
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            if kind["kind"] in ("DeleteOptions", "WatchEvent"):
                continue
            needed, queue = {}, [name]
            while queue:
                if (each := queue.pop()) not in needed:
                    needed[each] = definitions[each]
                    queue.extend(referenced(definitions[each]))
            write(folder, kind["kind"], kind["group"], kind["version"], {"$ref": f"#/definitions/{name}", "definitions": needed})


def write_custom_kinds(folder, path):
    with open(path, encoding="utf-8") as file:
        for crd in yaml.safe_load_all(file):
            spec = crd["spec"]
            for version in spec["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                write(folder, spec["names"]["kind"], spec["group"], version["name"], schema)


@functools.cache
def schemas(modfile):
    """A folder with the schemas of the Kubernetes that hack/node/MODFILE names. It goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="modelrun-schemas-")  # pylint: disable=consider-using-with
    with open(os.path.join(module_folder("k8s.io/kubernetes", modfile), "api/openapi-spec/swagger.json"), encoding="utf-8") as file:
        write_own_kinds(folder.name, json.load(file))
    for module, path in OTHERS.items():
        write_custom_kinds(folder.name, os.path.join(module_folder(module), path))
    return folder
