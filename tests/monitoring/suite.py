"""What the cases of this suite share."""

import os

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CHART = os.path.join(ROOT, "charts", "modelrun")
ALERTS = os.path.join(CHART, "monitoring", "alerts.yaml")
DASHBOARD = os.path.join(CHART, "monitoring", "dashboard.json")


def check(right, message):
    if not right:
        raise AssertionError(message)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()
