"""What one attack has done to the good tenant, what is wrong with it, and the table of all."""

import json
import os

from cluster import ROOT
from hostile import MIB, MOST
from tenant import percentile

AFTERWARDS = 20 * MIB  # of the leader, a minute later
SLOWER = 2.0  # told in the table
HEADER = (
    "attack", "done", "runs, quiet: p50/p99 s", "runs, under attack", "ratio of p99", "calls, quiet: p50/p99 ms", "calls, under attack",
    "ratio of p99", "restarts", "leader at most, MiB", "leader afterwards, MiB", "gateway at most, MiB",
)  # fmt: skip
RESULTS = os.path.join(ROOT, "build", "logs", "neighbours.json")


def spread(samples):
    seconds = [s.seconds for s in samples]
    return {"count": len(seconds), "p50": percentile(seconds, 0.5), "p99": percentile(seconds, 0.99)}


def ratio(attacked, quiet):
    return attacked["p99"] / quiet["p99"] if attacked["p99"] and quiet["p99"] else None


def row_of(name, done, samples, memory, restarts):
    """`samples`: of all kinds, those of the windows "quiet" and "attacked", and "all" since the attack's beginning. `memory`: of the
    product, in bytes: "peak", "resident" and "own" afterwards, "gateway_peak". `restarts`: how many of each container."""
    row = {"attack": name, "done": done, "restarts": restarts, **memory}
    for kind, word in (("run", "runs"), ("call", "calls")):
        quiet, attacked = (spread([s for s in samples[when] if s.kind == kind]) for when in ("quiet", "attacked"))
        row[word] = {"quiet": quiet, "attacked": attacked, "ratio": ratio(attacked, quiet)}
    row["model_calls"] = {when: spread([s for s in samples[when] if s.kind == "model"]) for when in ("quiet", "attacked")}
    row["wrong"] = [s.wrong for s in samples["all"] if s.wrong]
    return row


def faults_of(row, whole_minute):
    """Sentences; none when the attack has done no harm."""
    told = []
    if row["restarts"]:
        told.append(f"containers were restarted: {row['restarts']}")
    if not 0 < row["peak"] <= MOST:
        told.append(f"the leader had {row['peak'] / MIB:.1f} MiB, and may have {MOST // MIB}")
    if whole_minute and not 0 < row["resident"] <= AFTERWARDS:
        own = f"{row['own'] / MIB:.1f} of them its own"
        told.append(f"a minute later the leader had {row['resident'] / MIB:.1f} MiB, {own}, and may have {AFTERWARDS // MIB}")
    if row["wrong"]:
        told.append(f"{len(row['wrong'])} runs or calls of the good tenant failed, the first: {row['wrong'][0]}")
    if not row["runs"]["attacked"]["count"] or not row["calls"]["attacked"]["count"]:
        told.append("the good tenant began no runs or no calls meanwhile")
    return told


def pair(spread_of, factor, digits):
    if spread_of["p50"] is None:
        return "–"
    return f"{spread_of['p50'] * factor:.{digits}f} / {spread_of['p99'] * factor:.{digits}f}"


def cells(row):
    def times(word, factor, digits):
        of = row[word]
        told = "–" if of["ratio"] is None else f"{of['ratio']:.1f}" + (f" (over {SLOWER:.0f})" if of["ratio"] > SLOWER else "")
        return [pair(of["quiet"], factor, digits), pair(of["attacked"], factor, digits), told]

    sizes = [f"{row[name] / MIB:.1f}" for name in ("peak", "resident", "gateway_peak")]
    return [f"`{row['attack']}`", str(row["done"]), *times("runs", 1, 1), *times("calls", 1000, 0), str(sum(row["restarts"].values())), *sizes]


def show(rows, settings):
    """Prints the table as Markdown, and writes everything that was measured as JSON."""
    print()
    for line in (HEADER, ["---"] * len(HEADER), *(cells(row) for row in rows)):
        print("| " + " | ".join(line) + " |")
    print()
    os.makedirs(os.path.dirname(RESULTS), exist_ok=True)
    with open(RESULTS, "w", encoding="utf-8") as file:
        json.dump({"settings": settings, "attacks": rows}, file, indent=1)
    print(f"  also as JSON: {os.path.relpath(RESULTS, ROOT)}", flush=True)
