"""The project whose runs the cases of the page look at: one model leaves outputs of every shape."""

import functools

from gateway import finished
from harness import same

PROJECT = "gallery"
SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(2)>"
GALLERY = f"""
import json, pathlib, sys
given = pathlib.Path("/inputs/parameters.json")
print("\\x1b[31mred\\x1b[0m {SCRIPT} \\u202egnp.exe", flush=True)
print("{IMAGE}", file=sys.stderr)
pathlib.Path("/outputs/report.html").write_text("{SCRIPT}")
pathlib.Path("/outputs/tables").mkdir()
pathlib.Path("/outputs/tables/by year.csv").write_text("year,revenue\\n2026,100\\n")
years = list(range(2026, 2034))
grid = [[10 * row - column for column in range(6)] for row in range(5)]
result = {{
    "ratio": 0.12345678912345678,
    "tiny": -1.2345678901234567e-12,
    "years": years,
    "by_region": {{"North": 12, "South-South-West": 30, "East": 7.5}},
    "scales": {{"month": [f"2026-{{i:02}}" for i in range(1, 9)], "revenue": [1e6 + 1e4 * i for i in range(8)], "rate": [0.01 * i for i in range(8)]}},
    "matrix": grid,
    "present_value": 5628123.25,
    "customers": 9007199254740993,
    "verdict": "on track",
    "revenue": [100, 125.5, 156.25, 140, 195.31, 244.14, 230, 305.18],
    "forecast": {{"year": years, "revenue": [1.2e6 * 1.1 ** i for i in range(8)], "cost": [1e6 * 1.05 ** i for i in range(8)]}},
    "regions": [{{"region": name, "sales": i * 37 % 11, "{SCRIPT}": i}} for i, name in enumerate("North South East West".split())],
    "noise": [(i * 7919) % 1000 - 500 + i / 50 for i in range(10000)],
    "hostile": "{SCRIPT}{IMAGE}",
    "{IMAGE}": "a name",
    "huge": "y" * 300000,
    "sparse": [{{f"k{{i}}": i}} for i in range(3000)],
    "enormous": [1e308, -1e308],
    "settings": {{"rate": 0.08, "scenario": "base", "path": [[1, 2], [3, 4]], "none": None}},
    "parameters": json.loads(given.read_text()) if given.exists() else None,
}}
"""
FILES = {
    "run.py": "PIPELINE = ['gallery']\nresult = {'title': 'All of it'}\n",
    "model/gallery.py": GALLERY,
    "model/slow.py": "import time\nprint('begun', flush=True)\ntime.sleep(120)\n",
    "model/fails.py": "import sys\nprint('halfway')\nprint('no data for 2026', file=sys.stderr)\nsys.exit(3)\n",
}


def gallery(space):
    """The project of these cases, made by the first that asks."""
    if PROJECT not in [each["metadata"]["name"] for each in space.items("/apis/modelrun.dev/v1alpha1/namespaces/{}/modelprojects")]:
        space.project(PROJECT, url=space.repo(FILES, name=f"{space.name}-{PROJECT}"))
    return PROJECT


def start(space, gateway, token, model, wait=True, **more):
    wanted = {"mode": "async", "scope": "model", "project_name": gallery(space), "model_name": model, **more}
    status, _, run = gateway.ask("POST", "/v1/runs", token, wanted)
    same(status, 202)
    if wait:
        finished(gateway, token, run["run_id"])
    return run["run_id"]


@functools.cache
def gallery_run(space, gateway):
    """The id of a run that left all of it; one is enough for those who only look at it."""
    return start(space, gateway, space.token("editor"), "gallery", parameters={"years": 8})


def card(page, name):
    return page.locator("section.card", has=page.get_by_role("heading", name=name, exact=True))


__all__ = ["GALLERY", "IMAGE", "PROJECT", "SCRIPT", "card", "gallery", "gallery_run", "start"]
