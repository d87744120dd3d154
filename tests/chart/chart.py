"""Renders the chart, and finds what came of it."""

import functools
import json
import os
import re
import subprocess

import yaml

from hack_library import library

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHART = os.path.join(ROOT, "charts", "modelrun")
NAMESPACE = "modelrun-system"
NEWEST = "1.37.0"


class Refused(Exception):
    """What helm says against values."""


@functools.cache
def helm_program():
    return library("find_helm")


@functools.cache
def tool(name):
    """kubeconform, kube-score or kustomize."""
    return os.path.join(library("find_chart_tools"), name)


def helm(*arguments, stdin=None):
    """What it prints; Refused if it fails."""
    done = subprocess.run([helm_program(), *arguments], input=stdin, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise Refused(done.stdout + done.stderr)
    return done.stdout


def template(values=None, *arguments, release="modelrun", kubernetes=NEWEST, images=True, chart=CHART, namespace=NAMESPACE):
    """The manifest as text. `images`: the images are in a registry, as the chart wants to be told."""
    flags = ["--set", "image.registry=registry.example.com/modelrun"] if images else []
    return helm("template", release, chart, "--namespace", namespace, "--kube-version", kubernetes, *flags,
                "--values", "-", *arguments, stdin=json.dumps(values or {}))


class UniqueKeys(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):
    """Refuses a map with a key twice, which an API server refuses too."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key twice: {sorted(keys)}"
        return super().construct_mapping(node, deep)


# PyYAML wants a point in a number with an exponent; Kubernetes and kustomize, which writes 1e-06, do not.
UniqueKeys.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789"))


def parsed(text, by_namespace=False):
    """The objects by (kind, name), or by (kind, namespace, name) with None for those of the cluster; no two may have the same."""
    objects = {}
    for item in yaml.load_all(text, Loader=UniqueKeys):
        if item is None:
            continue
        place = (item["metadata"].get("namespace"),) if by_namespace else ()
        key = (item["kind"], *place, item["metadata"]["name"])
        assert key not in objects, f"two objects {key}"
        objects[key] = item
    return objects


def render(values=None, *arguments, **settings):
    return parsed(template(values, *arguments, **settings))


def render_all(values=None, *arguments, **settings):
    """By (kind, namespace, name): with several of watchNamespaces there are Roles of one name."""
    return parsed(template(values, *arguments, **settings), by_namespace=True)


def refused(values, *words, **settings):
    """The chart must not take these values, and must say these words."""
    try:
        template(values, **settings)
    except Refused as refusal:
        for word in words:
            assert word in str(refusal), f"refused, but without {word!r}: {refusal}"
        return
    raise AssertionError(f"taken: {values}")


def differences(value, expected, path=""):
    """Where two objects differ, one line each."""
    if isinstance(value, dict) and isinstance(expected, dict):
        for key in sorted({*value, *expected}, key=str):
            yield from differences(value.get(key), expected.get(key), f"{path}.{key}")
    elif isinstance(value, list) and isinstance(expected, list) and len(value) == len(expected):
        for number, pair in enumerate(zip(value, expected)):
            yield from differences(*pair, f"{path}[{number}]")
    elif type(value) is not type(expected) or value != expected:
        yield f"{path}: {value!r} is not {expected!r}"


def pod_of(objects, component):
    return objects["Deployment", f"modelrun-{component}"]["spec"]["template"]


def container_of(objects, component, name=None):
    return next(c for c in pod_of(objects, component)["spec"]["containers"] if c["name"] == (name or component))


# Values with which every part of the chart is there, all but `monitoring`, which has cases_monitoring.py: its kinds have no schema here.
EVERYTHING = {
    "commonLabels": {"team": "platform"},
    "commonAnnotations": {"example.com/owner": "platform"},
    "gateway": {
        "enabled": True,
        "autoscaling": {"enabled": True},
        "tls": {"certManager": {"enabled": True, "issuerRef": {"name": "internal"}}},
        "ingress": {"enabled": True, "hosts": ["models.example.com"], "className": "nginx", "tls": [{"secretName": "models", "hosts": ["models.example.com"]}]},
        "httpRoute": {"enabled": True, "hostnames": ["models.example.net"], "parentRefs": [{"name": "public"}]},
        "jwtIssuers": [{"issuer": "https://login.example.com", "audiences": ["a"], "userPrefix": "u:", "groupPrefix": "g:", "namespace": "n"}],
    },
    "networkPolicy": {"egress": {"enabled": True}},
    "events": {"url": "https://events.example.com/modelrun", "signingSecret": "event-keys", "caConfigMap": "events-ca", "source": "https://a.example.com/prod"},
    "tracing": {"otlpEndpoint": "http://collector.example.com:4318", "sampleRatio": 0.1, "headersSecret": "collector"},
    "rbac": {"secretNamespaces": ["team-a"]},
    "helmTest": {"git": {"url": "https://git.example.com/forecasts.git"}},
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}, "data": {"release": "{{ .Release.Name }}"}}],
}
