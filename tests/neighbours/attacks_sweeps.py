"""Sweeps: as many points as there may be, texts and rows as large as they may be."""

from attack import attack
from cluster import wait_for

SWEEPS = "/apis/modelrun.dev/v1alpha1/namespaces/{}/modelsweeps"
QUICK = "result = {'n': 1}\n"
# 12.8 KB of the 16 KiB that a row may have, in many small values; 10 KB of them come into the table.
WIDE = "result = {'n': [1] * 5000, 'm': {str(i): i for i in range(300)}}\n"


def sweep(attacker, name, space, parallelism, **spec):
    body = {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelSweep",
        "metadata": {"name": name, "namespace": attacker.name},
        "spec": {"project": "models", "scope": "project", "space": space, "limits": {"parallelism": parallelism}, **spec},
    }
    return attacker.post(SWEEPS.format(attacker.name), body)


def points_of(attacker, name):
    return attacker.get(f"{SWEEPS.format(attacker.name)}/{name}").get("status", {}).get("points", {})


def some_have_ended(attacker, count):
    """How many points of all sweeps have ended once it is at least one."""
    return wait_for(lambda: sum(points_of(attacker, f"s{i}").get("succeeded", 0) for i in range(count)), 120, "a point has ended")


def twenty_sweeps(attacker, space, parallelism, points):
    """Sweeps over so many points each, which go on while the time lasts."""
    attacker.project(files={"run.py": QUICK})
    for i in range(20):
        sweep(attacker, f"s{i}", space, parallelism)
    some_have_ended(attacker, 20)
    attacker.go_on()
    return f"{some_have_ended(attacker, 20)} points of {20 * points}"


@attack
def twenty_sweeps_of_ten_thousand_points(attacker):
    axis = {"from": 0, "to": 1, "count": 100}
    return twenty_sweeps(attacker, {"grid": [{"name": "a", **axis}, {"name": "b", **axis}]}, 100, 10000)


@attack
def twenty_sweeps_of_a_megabyte(attacker):
    """Points that are listed: a mebibyte of empty objects each, of which memory takes many times as much."""
    return twenty_sweeps(attacker, {"points": [{"a": [{}] * 300} for _ in range(1000)]}, 1, 1000)


@attack
def tables_of_sixteen_megabytes(attacker):
    """Several sweeps end together, each with a table of about the most that there may be."""
    attacker.project(files={"run.py": WIDE})
    for i in range(4):
        sweep(attacker, f"s{i}", {"grid": [{"name": "a", "from": 0, "to": 1, "count": 1500}]}, parallelism=4, outputs=["n"])

    def over():
        return all(sum(points_of(attacker, f"s{i}").get(how, 0) for how in ("succeeded", "failed")) == 1500 for i in range(4))

    wait_for(over, 300, "the sweeps are over")
    return "4 sweeps"
