"""The tables of bench/scale, as Markdown, from its raw data."""

from statistics import median

from figures import interval, quantile


def ms(values, q):
    return f"{quantile(values, q):.0f} ms" if values else "-"


def of(rows, system):
    return [row for row in rows if row["system"] == system]


def writes(turn):
    return sum(count for what, count in turn["requests"].items() if what.split()[0] in ("POST", "PUT", "PATCH", "APPLY", "DELETE"))


def a_run(turns, amount):
    return median(amount(turn) / max(turn["ended"], 1) for turn in turns)


def per_minute(row):
    return row["endedInTime"] / max(row["seconds"], 1e-9) * 60


def rate_table(rows):
    text = ["| | runs a minute, median of the turns | processor time a run, its own | of the control plane | created -> Job p50 | p99 | MiB at most | API writes a run | revisions in etcd | KiB in etcd's log |",
            "|---|---|---|---|---|---|---|---|---|---|"]
    for system in ("modelrun", "peer", "ceiling"):
        turns = of(rows, system)
        if not turns:
            continue
        jobs = [value for turn in turns for value in turn["toJob"]]
        own, plane = (a_run(turns, amount) * 1000 for amount in (lambda t: t["cpu"], lambda t: sum(t["planeCpu"].values())))
        low, high = interval([per_minute(turn) for turn in turns])
        text.append(f"| {system} | {median(map(per_minute, turns)):.0f} [{low:.0f}, {high:.0f}] | {own:.2f} ms | {plane:.1f} ms | {ms(jobs, .5)} | {ms(jobs, .99)}"
                    f" | {max(turn['memory'][1] for turn in turns) / 2**20:.0f} | {a_run(turns, writes):.1f} | {a_run(turns, lambda t: t['stored']['puts']):.1f}"
                    f" | {a_run(turns, lambda t: t['stored']['bytes']) / 1024:.0f} |")
    rates = {system: median(map(per_minute, of(rows, system))) for system in ("modelrun", "peer", "ceiling") if of(rows, system)}
    if len(rates) == 3:
        text.append(f"\n{rates['modelrun'] / rates['peer']:.2f} of the peer's rate; {rates['modelrun'] / rates['ceiling']:.2f} of the ceiling")
    return text


def latency_table(paces):
    text = ["| runs a second | | created -> Job p50 | p99 | processor time a run |", "|---|---|---|---|---|"]
    for pace, rows in paces.items():
        for system in ("modelrun", "peer"):
            turns = of(rows, system)
            jobs = [value for turn in turns for value in turn["toJob"]]
            if jobs:
                text.append(f"| {pace} | {system} | {ms(jobs, .5)} | {ms(jobs, .99)} | {a_run(turns, lambda t: t['cpu']) * 1000:.2f} ms |")
    return text


def finished_table(counts):
    text = ["| finished runs | | leads after | first Job after | processor time until then | MiB resident | at most | bytes a run |", "|---|---|---|---|---|---|---|---|"]
    for count, rows in counts.items():
        for system in ("modelrun", "peer"):
            for row in of(rows, system):
                empty = of(counts.get("0", []), system)
                each = f"{(row['settled'][0] - empty[0]['settled'][0]) / int(count):.0f}" if empty and int(count) else "-"
                text.append(f"| {count} | {system} | {row['leads']:.2f} s | {row['firstJob']:.2f} s | {row['cpuToJob']:.2f} s | {row['settled'][0] / 2**20:.1f} |"
                            f" {row['settled'][1] / 2**20:.1f} | {each} |")
    return text


def growth_table(kinds):
    text = ["| | | processor time a run | MiB | processor time a second, idle |", "|---|---|---|---|---|"]
    for kind, rows in kinds.items():
        for row in rows:
            text.append(f"| {kind} | {row['system']} | {row['cpu'] / max(row['made'], 1) * 1000:.2f} ms | {row['memory'][0] / 2**20:.1f} | {row['idleCpu'] * 1000:.0f} ms |")
    return text


def fair_table(rows):
    text = ["| | the namespace with many, p50 | p99 | the others, p50 | p99 |", "|---|---|---|---|---|"]
    for row in rows:
        many = row["namespaces"]["bench-0"]["toJob"]
        few = [value for name, figures in row["namespaces"].items() if name != "bench-0" for value in figures["toJob"]]
        text.append(f"| {row['system']} | {ms(many, .5)} | {ms(many, .99)} | {ms(few, .5)} | {ms(few, .99)} |")
    return text


TABLES = {"rate": rate_table, "latency": latency_table, "finished": finished_table, "growth": growth_table, "fair": fair_table}


def tables(data):
    return "\n".join(f"\n### {part}\n\n" + "\n".join(TABLES[part](figures)) for part, figures in data.items())
