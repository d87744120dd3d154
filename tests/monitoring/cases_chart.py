"""What helm makes of the chart's values below `monitoring`."""

import functools
import json
import subprocess

import yaml

from suite import ALERTS, CHART, DASHBOARD, ROOT, case, check, read

KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")


@functools.cache
def helm_program():
    """The machine's own, or one that is compiled first."""
    return subprocess.run(["bash", "-euo", "pipefail", "-c", ". hack/lib.sh; find_helm"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def helm(*arguments):
    return subprocess.run([helm_program(), "template", "it", CHART, "--namespace", "system", "--set", "image.registry=registry.example.com/modelrun", *arguments],
                          capture_output=True, text=True, check=False, timeout=60)


def rendered(*arguments):
    done = helm(*arguments)
    check(done.returncode == 0, done.stderr)
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(documents, kind):
    return [document for document in documents if document["kind"] == kind]


def one(documents, kind, name="modelrun"):
    found = [document for document in of_kind(documents, kind) if document["metadata"]["name"] == name]
    check(len(found) == 1, f"{len(found)} objects {kind} {name}")
    return found[0]


def selected(documents, monitor):
    """The pods or Services that a monitor selects, by name; and the number of its port in each."""
    selector = monitor["spec"]["selector"]
    wanted = selector["matchLabels"]
    services = monitor["kind"] == "ServiceMonitor"
    (endpoint,) = monitor["spec"]["endpoints" if services else "podMetricsEndpoints"]
    found = {}
    for each in of_kind(documents, "Service" if services else "Deployment"):
        labels = each["metadata"]["labels"] if services else each["spec"]["template"]["metadata"]["labels"]
        fits = all(labels.get(key) == value for key, value in wanted.items())
        fits = fits and all(labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", []))
        if fits:
            ports = each["spec"]["ports"] if services else each["spec"]["template"]["spec"]["containers"][0]["ports"]
            found[each["metadata"]["name"]] = [port.get("containerPort", port.get("targetPort")) for port in ports if port["name"] == endpoint["port"]]
    return found


def labels_given(endpoint):
    """Those that every series gets, beside those of the Prometheus operator itself; the alerts select by them."""
    check({"targetLabel": "job", "replacement": "modelrun"} in endpoint["relabelings"], endpoint)
    return {rule["targetLabel"] for rule in endpoint["relabelings"]}


@case
def chart_makes_nothing_for_monitoring_by_itself():
    documents = rendered("--set", "gateway.enabled=true")
    check(not [kind for kind in KINDS if of_kind(documents, kind)], "kinds that a cluster may not have")
    names = [document["metadata"]["name"] for document in documents]
    check(not [name for name in names if "metrics" in name or "dashboard" in name], names)


@case
def service_monitor_selects_services_of_the_pods():
    flags = ["--set", "monitoring.serviceMonitor.enabled=true", "--set", "monitoring.labels.release=stack", "--set", "monitoring.interval=15s"]
    documents = rendered(*flags, "--set", "gateway.enabled=true")
    monitor = one(documents, "ServiceMonitor")
    check(selected(documents, monitor) == {"modelrun-operator-metrics": ["http"], "modelrun-gateway-metrics": ["http"]}, selected(documents, monitor))
    check(monitor["metadata"]["labels"]["release"] == "stack" and monitor["spec"]["endpoints"][0]["interval"] == "15s", monitor)
    check(labels_given(monitor["spec"]["endpoints"][0]) == {"job", "component"}, monitor)
    for component in ("operator", "gateway"):
        service = one(documents, "Service", f"modelrun-{component}-metrics")
        pods = one(documents, "Deployment", f"modelrun-{component}")["spec"]["template"]
        check(service["spec"]["selector"].items() <= pods["metadata"]["labels"].items(), service)
        check({"name": "http", "containerPort": 8080} in pods["spec"]["containers"][0]["ports"], pods)
    documents = rendered(*flags)
    check(selected(documents, one(documents, "ServiceMonitor")) == {"modelrun-operator-metrics": ["http"]}, "without a gateway")


@case
def pod_monitor_selects_the_pods():
    documents = rendered("--set", "monitoring.podMonitor.enabled=true", "--set", "gateway.enabled=true")
    monitor = one(documents, "PodMonitor")
    check(selected(documents, monitor) == {"modelrun-operator": [8080], "modelrun-gateway": [8080]}, selected(documents, monitor))
    check(not [service for service in of_kind(documents, "Service") if "metrics" in service["metadata"]["name"]], "a Service that nobody asks")
    check(labels_given(monitor["spec"]["podMetricsEndpoints"][0]) == {"job", "component"}, monitor)


@case
def monitors_follow_names_of_ones_own():
    flags = ["--set", "nameOverride=models", "--set", "gateway.enabled=true", "--set", "commonLabels.team=core"]
    documents = rendered(*flags, "--set", "monitoring.serviceMonitor.enabled=true")
    monitor = one(documents, "ServiceMonitor", "models")
    check(selected(documents, monitor) == {"models-operator-metrics": ["http"], "models-gateway-metrics": ["http"]}, selected(documents, monitor))
    check(monitor["metadata"]["labels"]["team"] == "core", monitor["metadata"])
    documents = rendered(*flags, "--set", "monitoring.podMonitor.enabled=true")
    monitor = one(documents, "PodMonitor", "models")
    check(selected(documents, monitor) == {"models-operator": [8080], "models-gateway": [8080]}, selected(documents, monitor))
    documents = rendered("--set", "operator.enabled=false", "--set", "gateway.enabled=true", "--set", "monitoring.podMonitor.enabled=true")
    check(selected(documents, one(documents, "PodMonitor")) == {"modelrun-gateway": [8080]}, "without an operator")


@case
def monitors_are_not_both_enabled():
    done = helm("--set", "monitoring.podMonitor.enabled=true", "--set", "monitoring.serviceMonitor.enabled=true")
    check(done.returncode != 0 and "enable one of them" in done.stderr, done.stderr)


@case
def prometheus_rule_has_the_alerts():
    given = yaml.safe_load(read(ALERTS))
    rule = one(rendered("--set", "monitoring.prometheusRule.enabled=true", "--set", "monitoring.labels.release=stack"), "PrometheusRule")
    check(rule["spec"] == given, "the rules are not those of the file")
    check(rule["metadata"]["labels"]["release"] == "stack", rule["metadata"])
    there = "https://git.example.com/docs/operations.md"
    rule = one(rendered("--set", "monitoring.prometheusRule.enabled=true", "--set", f"monitoring.prometheusRule.runbookURL={there}"), "PrometheusRule")
    links = [each["annotations"]["runbook_url"] for group in rule["spec"]["groups"] for each in group["rules"]]
    check(links and all(link.startswith(f"{there}#modelrun") for link in links), links)
    done = helm("--set", "monitoring.prometheusRule.runbookURL=no URL")
    check(done.returncode != 0 and "runbookURL" in done.stderr, done.stderr)


@case
def config_map_has_the_dashboard():
    flags = ["--set", "monitoring.dashboard.enabled=true"]
    made = one(rendered(*flags), "ConfigMap", "modelrun-dashboard")
    check(json.loads(made["data"]["modelrun.json"]) == json.loads(read(DASHBOARD)), "the dashboard is not that of the file")
    check(made["metadata"]["labels"]["grafana_dashboard"] == "1", made["metadata"])
    made = one(rendered(*flags, "--set", "monitoring.dashboard.labels.grafana_dashboard=null", "--set", "monitoring.dashboard.labels.board=yes"), "ConfigMap", "modelrun-dashboard")
    check(made["metadata"]["labels"]["board"] == "yes", made["metadata"])
