"""What one tenant's models leave must not stop, restart or swell the operator that all share."""

from cases_attacks import operator_restarts
from cases_faults import kill_operators, operator_pids
from cluster import reason_of, wait_for
from disturb import memory_of
from harness import case
from hostile import EMPTY_OBJECTS, LARGE_PARAMETERS, LONG_ERROR, MIB, MOST, PEAK


def peak_of_operators():
    """The largest resident size that any of the operator's processes has had, in bytes."""
    return max((memory_of(pid, PEAK) for pid in operator_pids()), default=0)


def expect_small():
    peak = peak_of_operators()
    print(f"  the operator's largest size: {peak / MIB:.0f} MiB", flush=True)
    assert 0 < peak <= MOST, f"{peak / MIB:.0f} MiB"


@case(alone=True)
def neighbour_whose_results_are_a_million_empty_objects(space):
    """Fourteen results of 1 MiB that need fifty times as much as parsed values, also after a restart in the middle."""
    space.project(files={"run.py": EMPTY_OBJECTS.format(count=340000)}, runtime={"resources": {"limits": {"memory": "128Mi"}}})
    names = [f"r{i}" for i in range(14)]
    for name in names:
        space.run(name)
    wait_for(lambda: any(space.status(name).get("phase") == "Succeeded" for name in names), 120, "the first end")
    expect_small()
    before = operator_restarts(space)
    killed = kill_operators()
    ends = [space.finish(name, 240) for name in names]
    assert all(end["phase"] == "Succeeded" for end in ends), [(reason_of(end), end.get("message")) for end in ends]
    assert all(end["resultRef"]["bytes"] > MIB * 0.9 for end in ends)
    expect_small()
    assert operator_restarts(space) <= before + killed, "no operator ended by itself"


@case(alone=True)
def neighbour_with_many_large_parameters(space):
    """A hundred runs that wait, each with 63 KB of empty objects as parameters."""
    space.project(files={"run.py": "result = {'n': 1}\n"})
    before = operator_restarts(space)
    for i in range(100):
        space.run(f"r{i}", suspend=True, parameters=LARGE_PARAMETERS)
    wait_for(lambda: space.status("r99").get("phase") == "Pending", 120, "the last one waits")
    expect_small()
    kill_operators()
    wait_for(operator_pids, 120, "an operator again")
    space.patch_run("r0", suspend=False)
    assert space.finish("r0", 120)["outputs"] == {"n": 1}
    expect_small()
    assert operator_restarts(space) <= before + 2, "no operator ended by itself"


@case
def neighbour_whose_error_has_two_megabytes(space):
    """Forged harness messages of any size and with control characters end the run with a sentence."""
    space.project(files={"run.py": LONG_ERROR})
    space.run("r")
    status = space.finish("r", 120)
    assert status["phase"] == "Failed", status
    texts = [status["message"], status["error"]["message"], *(c["message"] for c in status["conditions"])]
    assert all(len(text) <= 2048 and text.isprintable() for text in texts), [text[:100] for text in texts]
