"""Each query of the dashboard, in a real Prometheus that has scraped series of every metric; and the alerts in the same server."""

import json
import math
import re

from cases_alerts import rules
from cluster import wait_for
from harness import case
from scrape import documented, prometheus
from suite import ALERTS, DASHBOARD, check, read

WINDOW = "10s"  # in place of Grafana's $__rate_interval: twenty scrapes of the test


def panels():
    """Those with queries."""
    return [panel for panel in json.loads(read(DASHBOARD))["panels"] if panel["type"] != "row"]


def queries():
    for panel in panels():
        for target in panel["targets"]:
            yield f"{panel['title']} (panel {panel['id']}, {target['refId']})", target["expr"].replace("$__rate_interval", WINDOW), target["legendFormat"]


def numbers(result):
    return [float(row["value"][1]) for row in result]


@case
def dashboard_is_whole():
    board = json.loads(read(DASHBOARD))
    ids = [panel["id"] for panel in board["panels"]]
    check(len(ids) == len(set(ids)), "two panels have the same id")
    check(len(panels()) > 25, f"only {len(panels())} panels")
    for panel in panels():
        check(panel["targets"] and panel["description"], f"{panel['title']}: no query or no description")
        check(panel["datasource"]["uid"] == "${datasource}", f"{panel['title']}: another data source than the one that is chosen")
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    check(len(places) == len(set(places)), "two panels have the same place")
    check(not re.search(r"\$(?!__rate_interval|\{datasource\})", json.dumps(board["panels"])), "a variable that the test does not know")


@case
def dashboard_shows_every_metric_of_the_page():
    text = " ".join(query for _, query, _ in queries())
    missing = [name for name in documented() if not re.search(rf"\b{name}(_bucket|_sum|_count)?\b", text)]
    check(not missing, f"no panel shows {missing}")


@case
def each_panel_has_data():
    """Each query gives at least one finite number, and each label of its legend has a value."""
    with prometheus() as server:
        left = {title: (query, legend) for title, query, legend in queries()}
        answers = {}

        def all_have_data():
            for title, (query, _) in list(left.items()):
                answers[title] = server.get("/api/v1/query", query=query)["result"]
                if answers[title] and any(math.isfinite(number) for number in numbers(answers[title])):
                    del left[title]
            return not left

        try:
            wait_for(all_have_data, 60, "every panel has data")
        except AssertionError:
            raise AssertionError("no data: " + "; ".join(f"{title}: {query} gives {answers.get(title)}" for title, (query, _) in left.items())) from None
        for title, _, legend in queries():
            for label in re.findall(r"\{\{(\w+)\}\}", legend):
                check(all(row["metric"].get(label) for row in answers[title]), f"{title}: the legend's label {label} is not in {answers[title][:2]}")


@case
def alerts_are_evaluated_without_errors():
    """promtool knows series of one alert at a time; here are those of every metric."""
    with prometheus() as server:

        def evaluated():
            found = [rule for group in server.get("/api/v1/rules")["groups"] for rule in group["rules"]]
            return found if found and all(rule["health"] != "unknown" for rule in found) else None

        found = wait_for(evaluated, 60, f"{ALERTS} is evaluated")
        check({rule["name"] for rule in found} == set(rules()), "not all of them are there")
        wrong = {rule["name"]: rule.get("lastError") for rule in found if rule["health"] != "ok"}
        check(not wrong, f"{wrong}")
