"""Tells where the time of a build went: time.py NINJA_LOG SINCE [ROWS].

SINCE is the time at which the build began, in seconds since the epoch. Prints how long the build took from its first
step to its last, the time of all steps together, that time by folder, and the slowest steps. A step is counted with the
time that it took on the clock, while other steps ran beside it.
"""
import collections
import re
import sys


def steps(path, since):
    """(begin, end, output) in seconds, of the steps that ended at `since` or later; the last entry of an output counts."""
    found = {}
    with open(path, encoding="utf-8") as log:
        for line in log:
            if line.startswith("#"):
                continue
            begin, end, mtime, output, _ = line.rstrip("\n").split("\t")
            # The third field is the output's time of change, in nanoseconds.
            if int(mtime) / 1e9 >= since:
                found[output] = (int(begin) / 1000, int(end) / 1000, output)
    return list(found.values())


def folder(output):
    """"src/gateway" or "tests/unit/gateway" for an object file; "programs" for what is linked."""
    if not output.endswith((".o", ".gch")):
        return "archives and programs"
    if output.endswith(".gch") or "precompiled" in output:
        return "precompiled headers"
    return re.sub(r"/CMakeFiles/.*", "", output)


def name(output):
    return re.sub(r"CMakeFiles/[^/]*\.dir/", "", output)


def main(path, since, rows="15"):
    done = steps(path, float(since))
    if not done:
        print("nothing was to be done")
        return
    wall = max(end for _, end, _ in done) - min(begin for begin, _, _ in done)
    total = sum(end - begin for begin, end, _ in done)
    by_folder = collections.Counter()
    for begin, end, output in done:
        by_folder[folder(output)] += end - begin
    print(f"{len(done)} steps in {wall:.0f} s; all steps together {total:.0f} s\n\nby folder")
    for where, seconds in by_folder.most_common():
        print(f"{seconds:8.1f} s  {where}")
    print("\nslowest")
    for begin, end, output in sorted(done, key=lambda step: step[0] - step[1])[: int(rows)]:
        print(f"{end - begin:8.1f} s  {name(output)}")


main(*sys.argv[1:])
