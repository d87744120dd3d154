"""The alerts of the chart in Prometheus's own rule engine, by promtool."""

import os
import re
import subprocess
import tempfile

import yaml

from documented import blocks
from harness import case
from suite import ALERTS, HERE, ROOT, check, read

ENTRIES = yaml.safe_load(read(os.path.join(HERE, "alert_cases.yaml")))
PODS = {
    "operator": {"job": "modelrun", "component": "operator", "namespace": "modelrun-system", "pod": "modelrun-operator-a", "instance": "10.0.0.1:8080"},
    "gateway": {"job": "modelrun", "component": "gateway", "namespace": "modelrun-system", "pod": "modelrun-gateway-a", "instance": "10.0.0.3:8080"},
}
RUNBOOK = os.path.join(ROOT, "docs", "operations.md")


def rules():
    """{name: rule}"""
    return {rule["alert"]: rule for group in yaml.safe_load(read(ALERTS))["groups"] for rule in group["rules"]}


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


def whole(series, pod):
    """The name of a series with the labels of its pod; those that it has itself stay."""
    name, _, inside = series.partition("{")
    own = dict(re.findall(r"(\w+)=\"([^\"]*)\"", inside))
    return name + "{" + ", ".join(f'{label}="{value}"' for label, value in {**PODS[pod], **own}.items()) + "}"


def test_of(entry, rule):
    """The case in promtool's form."""
    fires = entry["fires"]
    expected = {"exp_labels": {"severity": rule["labels"]["severity"], **fires["labels"]}, "exp_annotations": {**rule["annotations"], "description": fires["says"]}}
    return {
        "interval": "1m",
        "input_series": [{"series": whole(name, entry["pod_of"]), "values": values} for name, values in entry["series"].items()],
        "alert_rule_test": [
            {"eval_time": fires["at"], "alertname": entry["alert"], "exp_alerts": [expected]},
            {"eval_time": entry["resolved"], "alertname": entry["alert"], "exp_alerts": []},
        ],
    }


def minutes(text):
    return int(re.fullmatch(r"(\d+)m", text)[1])


@case
def rules_are_valid():
    code, said = promtool("check", "rules", ALERTS)
    check(code == 0, said)
    check(f"{len(rules())} rules found" in said, f"two alerts have the same name: {said}")


@case
def each_alert_says_what_it_is_about():
    for name, rule in rules().items():
        check(rule["labels"].get("severity") in ("critical", "warning"), f"{name}: severity is {rule['labels']}")
        check({"summary", "description", "runbook_url"} == set(rule["annotations"]), f"{name}: annotations are {sorted(rule['annotations'])}")


@case
def each_alert_has_a_section_in_the_runbook():
    headings = re.findall(r"^### (ModelRun\w+)$", read(RUNBOOK), re.MULTILINE)
    check(sorted(headings) == sorted(rules()), f"sections without an alert: {set(headings) - set(rules())}; alerts without a section: {set(rules()) - set(headings)}")
    for name, rule in rules().items():
        check(rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}", f"{name}: {rule['annotations']['runbook_url']}")


@case
def documented_scrape_config_is_valid():
    """But for its discovery: Debian's Prometheus has none for Kubernetes."""
    (block,) = [block for block in blocks(read(RUNBOOK), "yaml") if "scrape_configs" in block]
    config = yaml.safe_load(block)
    (job,) = config["scrape_configs"]
    check(job.pop("kubernetes_sd_configs")[0]["role"] == "pod", job)
    job["static_configs"] = [{"targets": ["127.0.0.1:8080"]}]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "prometheus.yaml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
        code, said = promtool("check", "config", path)
        check(code == 0, said)


@case
def each_alert_has_a_case():
    tried = {entry["alert"] for entry in ENTRIES}
    check(tried == set(rules()), f"alerts without a case: {set(rules()) - tried}; cases without an alert: {tried - set(rules())}")


def fires_and_resolves(entry):
    """The test of one case; made for each below."""

    def run():
        check(minutes(entry["resolved"]) > minutes(entry["fires"]["at"]), "it has to be resolved after it has fired")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "test.yaml")
            with open(path, "w", encoding="utf-8") as file:
                yaml.safe_dump({"rule_files": [ALERTS], "evaluation_interval": "1m", "tests": [test_of(entry, rules()[entry["alert"]])]}, file)
            code, said = promtool("test", "rules", path)
            check(code == 0 and "SUCCESS" in said, said)

    return run


for index, each in enumerate(ENTRIES):
    again = [entry["alert"] for entry in ENTRIES[:index]].count(each["alert"])
    test = fires_and_resolves(each)
    test.__name__ = f"{each['alert']}_fires_and_resolves" + (f"_{again + 1}" if again else "")
    case(test)
