"""What helm makes of the chart's values below `monitoring`."""

import json
import os

import yaml

from chart import CHART, pod_of, refused, render
from harness import case, same

KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")
GATEWAY = {"gateway": {"enabled": True}}


def read(name):
    with open(os.path.join(CHART, "monitoring", name), encoding="utf-8") as file:
        return file.read()


def monitored(monitoring, **values):
    """Of a release whose name is in no object's."""
    return render({"monitoring": monitoring, **values}, release="it")


def of_kind(objects, kind):
    return [item for (each, _), item in objects.items() if each == kind]


def selected(objects, monitor):
    """The pods or Services that a monitor selects, by name; and the number of its port in each."""
    selector = monitor["spec"]["selector"]
    wanted = selector["matchLabels"]
    services = monitor["kind"] == "ServiceMonitor"
    (endpoint,) = monitor["spec"]["endpoints" if services else "podMetricsEndpoints"]
    found = {}
    for each in of_kind(objects, "Service" if services else "Deployment"):
        labels = each["metadata"]["labels"] if services else each["spec"]["template"]["metadata"]["labels"]
        fits = all(labels.get(key) == value for key, value in wanted.items())
        fits = fits and all(labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", []))
        if fits:
            ports = each["spec"]["ports"] if services else each["spec"]["template"]["spec"]["containers"][0]["ports"]
            found[each["metadata"]["name"]] = [port.get("containerPort", port.get("targetPort")) for port in ports if port["name"] == endpoint["port"]]
    return found


def labels_given(endpoint):
    """Those that every series gets, beside those of the Prometheus operator itself; the alerts select by them."""
    assert {"targetLabel": "job", "replacement": "modelrun"} in endpoint["relabelings"], endpoint
    return {rule["targetLabel"] for rule in endpoint["relabelings"]}


@case
def chart_makes_nothing_for_monitoring_by_itself():
    objects = render(GATEWAY)
    same([kind for kind in KINDS if of_kind(objects, kind)], [])  # kinds that a cluster may not have
    same([name for _, name in objects if "metrics" in name or "dashboard" in name], [])


@case
def service_monitor_selects_services_of_the_pods():
    monitoring = {"serviceMonitor": {"enabled": True}, "labels": {"release": "stack"}, "interval": "15s"}
    objects = monitored(monitoring, **GATEWAY)
    monitor = objects["ServiceMonitor", "modelrun"]
    same(selected(objects, monitor), {"modelrun-operator-metrics": ["http"], "modelrun-gateway-metrics": ["http"]})
    same((monitor["metadata"]["labels"]["release"], monitor["spec"]["endpoints"][0]["interval"]), ("stack", "15s"))
    same(labels_given(monitor["spec"]["endpoints"][0]), {"job", "component"})
    for component in ("operator", "gateway"):
        service = objects["Service", f"modelrun-{component}-metrics"]
        pods = pod_of(objects, component)
        assert service["spec"]["selector"].items() <= pods["metadata"]["labels"].items(), service
        assert {"name": "http", "containerPort": 8080} in pods["spec"]["containers"][0]["ports"], pods
    objects = monitored(monitoring)
    same(selected(objects, objects["ServiceMonitor", "modelrun"]), {"modelrun-operator-metrics": ["http"]})  # without a gateway


@case
def pod_monitor_selects_the_pods():
    objects = monitored({"podMonitor": {"enabled": True}}, **GATEWAY)
    monitor = objects["PodMonitor", "modelrun"]
    same(selected(objects, monitor), {"modelrun-operator": [8080], "modelrun-gateway": [8080]})
    same([name for kind, name in objects if kind == "Service" and "metrics" in name], [])  # a Service that nobody asks
    same(labels_given(monitor["spec"]["podMetricsEndpoints"][0]), {"job", "component"})


@case
def monitors_follow_names_of_ones_own():
    values = {"nameOverride": "models", "commonLabels": {"team": "core"}, **GATEWAY}
    objects = monitored({"serviceMonitor": {"enabled": True}}, **values)
    monitor = objects["ServiceMonitor", "models"]
    same(selected(objects, monitor), {"models-operator-metrics": ["http"], "models-gateway-metrics": ["http"]})
    same(monitor["metadata"]["labels"]["team"], "core")
    objects = monitored({"podMonitor": {"enabled": True}}, **values)
    same(selected(objects, objects["PodMonitor", "models"]), {"models-operator": [8080], "models-gateway": [8080]})
    objects = monitored({"podMonitor": {"enabled": True}}, operator={"enabled": False}, **GATEWAY)
    same(selected(objects, objects["PodMonitor", "modelrun"]), {"modelrun-gateway": [8080]})


@case
def monitors_are_not_both_enabled():
    refused({"monitoring": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}}, "enable one of them")


@case
def prometheus_rule_has_the_alerts():
    rule = monitored({"prometheusRule": {"enabled": True}, "labels": {"release": "stack"}})["PrometheusRule", "modelrun"]
    assert rule["spec"] == yaml.safe_load(read("alerts.yaml")), "the rules are not those of the file"
    same(rule["metadata"]["labels"]["release"], "stack")
    there = "https://git.example.com/docs/operations.md"
    rule = monitored({"prometheusRule": {"enabled": True, "runbookURL": there}})["PrometheusRule", "modelrun"]
    links = [each["annotations"]["runbook_url"] for group in rule["spec"]["groups"] for each in group["rules"]]
    assert links and all(link.startswith(f"{there}#modelrun") for link in links), links
    refused({"monitoring": {"prometheusRule": {"runbookURL": "no URL"}}}, "runbookURL")


@case
def config_map_has_the_dashboard():
    key = ("ConfigMap", "modelrun-dashboard")
    made = monitored({"dashboard": {"enabled": True}})[key]
    assert json.loads(made["data"]["modelrun.json"]) == json.loads(read("dashboard.json")), "the dashboard is not that of the file"
    same(made["metadata"]["labels"]["grafana_dashboard"], "1")
    made = monitored({"dashboard": {"enabled": True, "labels": {"grafana_dashboard": None, "board": "yes"}}})[key]
    same(made["metadata"]["labels"]["board"], "yes")
