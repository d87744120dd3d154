"""Where the time of a run goes: the picture of bench/warm, as SVG.

A bar for each way to start a model, beside the bare Job's. Each of its parts is the median of the times between two moments that the
runs' status has; the number beside it is the sum of these medians.
"""
import statistics
from datetime import datetime
from xml.sax.saxutils import escape

START = "request, admission, adoption or Job"
# Each part of a bar: the moment that ends it, what it is, and its colour. A warm run has no moment jobCreated, a cold one no adopted.
PARTS = [("adopted", START, "#4c78a8"), ("jobCreated", START, "#4c78a8"),
         ("started", "until the model's process runs", "#f58518"), ("finished", "the model", "#54a24b"),
         ("recorded", "outputs collected and stored", "#b279a2"), ("seen", "until the client has seen it", "#9d9da1")]
BARE = ("bare Job, created to Complete", "#d3d3d3")
WIDTH, LEFT, BAR, GAP = 900, 200, 26, 16


def parts_of(run):
    """The lengths of the parts of one run in milliseconds, by the moment that ends each."""
    begun = run["created"]
    moments = {name: datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() for name, text in run["timeline"].items()}
    moments["seen"] = run["created"] + run["seconds"]
    found = {}
    for name, _, _ in PARTS:
        if name in moments:
            found[name] = 1000 * max(0.0, moments[name] - begun)
            begun = max(begun, moments[name])
    return found


def medians(runs):
    all_parts = [parts_of(run) for run in runs]
    return {name: statistics.median(parts[name] for parts in all_parts) for name, _, _ in PARTS if all(name in parts for parts in all_parts)}


def rows_of(raw):
    """(label, [(what, milliseconds, colour)]) for each bar."""
    rows = []
    for model, title in (("noop", "no-op model"), ("frames", "numpy and pandas")):
        data = raw[model]
        for way in ("warm", "cold"):
            runs = [run for run in data[way] if way == "cold" or run["start"] == "Warm"]
            found = medians(runs)
            rows.append(("%s, %s" % (title, way), [(what, found[name], colour) for name, what, colour in PARTS if name in found]))
        rows.append(("%s, bare Job" % title, [(BARE[0], 1000 * statistics.median(data["bare"]), BARE[1])]))
    return rows


def table(raw):
    """The numbers of the picture, as lines of text."""
    lines = []
    for label, parts in rows_of(raw):
        lines.append("%-28s %s" % (label, "; ".join("%s %.0f ms" % (what, size) for what, size, _ in parts)))
    return "\n".join(lines)


def svg(raw):
    rows = rows_of(raw)
    scale = (WIDTH - LEFT - 70) / max(sum(size for _, size, _ in parts) for _, parts in rows)
    names = dict((what, colour) for _, parts in rows for what, _, colour in parts)
    height = len(rows) * (BAR + GAP) + 40 + 20 * ((len(names) + 1) // 2)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">' % (WIDTH, height),
           '<rect width="100%" height="100%" fill="white"/>']
    y = 14
    for label, parts in rows:
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (LEFT - 8, y + 18, escape(label)))
        x = LEFT
        for what, size, colour in parts:
            out.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%s: %.0f ms</title></rect>' % (
                x, y, size * scale, BAR, colour, escape(what), size))
            x += size * scale
        out.append('<text x="%.1f" y="%d">%.0f ms</text>' % (x + 6, y + 18, sum(size for _, size, _ in parts)))
        y += BAR + GAP
    for i, (what, colour) in enumerate(names.items()):
        x = LEFT + (i % 2) * 340
        out.append('<rect x="%d" y="%d" width="12" height="12" fill="%s"/><text x="%d" y="%d">%s</text>' % (
            x, y + 8 + 20 * (i // 2), colour, x + 18, y + 19 + 20 * (i // 2), escape(what)))
    return "\n".join(out + ["</svg>\n"])
