"""Compares the metrics of the source with docs/metrics.md: names, types and labels; and the names that other pages and the chart use
with those. Run at the top of the tree.

A metric is a call of counter(), gauge() or histogram() whose first argument is a name, or a constant that has one.
"""
import pathlib
import re
import sys

from calls import arguments

PAGE = pathlib.Path("docs/metrics.md")
CALL = re.compile(r"\b(counter|gauge|histogram)\(\s*(?:\"((?:modelrun|process)_[a-z_]+)\"|(k[A-Z]\w*))")
CONSTANT = re.compile(r"\b(k[A-Z]\w*)\s*=\s*\"((?:modelrun|process)_[a-z_]+)\"")
NAME = re.compile(r"\"(modelrun_[a-z_]+)\"")
LABEL = re.compile(r"\{\s*\"([a-z_]+)\"\s*,")
ROW = re.compile(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\| (.+) \|$", re.MULTILINE)
USE = re.compile(r"\bmodelrun_[a-z_]+\b")
# Pages and charts that name metrics.
USERS = ["README.md", "docs/**/*.md", "charts/modelrun/monitoring/*", "src/ARCHITECTURE.md"]


def texts():
    for path in sorted(pathlib.Path("src").rglob("*")):
        if path.suffix in (".cc", ".h"):
            yield path, path.read_text(encoding="utf-8")


def in_source():
    """{name: (type, labels, place)}, and what is wrong."""
    constants = {name: metric for _, text in texts() for name, metric in CONSTANT.findall(text)}
    found, wrong = {}, []
    for path, text in texts():
        for call in CALL.finditer(text):
            name = call[2] or constants.get(call[3])
            if name is None:
                continue
            labels = tuple(sorted(LABEL.findall(arguments(text, text.index("(", call.start())))))
            place = f"{path}:{text.count(chr(10), 0, call.start()) + 1}"
            if name in found and found[name][:2] != (call[1], labels):
                wrong.append(f"{place}: {name}: another type or other labels than at {found[name][2]}")
            found.setdefault(name, (call[1], labels, place))
    for path, text in texts():
        wrong += [f"{path}: {name}: this check does not see how the metric is made" for name in NAME.findall(text) if name not in found]
    return found, wrong


def on_page():
    return {name: (kind, tuple(sorted(re.findall(r"`([a-z_]+)`", labels)))) for name, kind, labels, _ in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def series(metrics):
    """The names that a metric has in queries."""
    for name, (kind, *_) in metrics.items():
        yield name
        if kind == "histogram":
            yield from (f"{name}_{part}" for part in ("bucket", "sum", "count"))


def main():
    source, wrong = in_source()
    page = on_page()
    wrong += [f"{source[name][2]}: {name}: {PAGE} does not have it" for name in source.keys() - page.keys()]
    wrong += [f"{PAGE}: {name}: no such metric in src/" for name in page.keys() - source.keys()]
    for name in source.keys() & page.keys():
        if source[name][:2] != page[name]:
            wrong.append(f"{PAGE}: {name}: {page[name]}, but {source[name][2]} has {source[name][:2]}")
    known = set(series(source))
    for path in sorted(found for pattern in USERS for found in pathlib.Path(".").glob(pattern)):
        wrong += [f"{path}: {name}: no such metric in src/" for name in sorted(set(USE.findall(path.read_text(encoding="utf-8"))) - known)]
    if len(source) < 20:
        wrong.append(f"only {len(source)} metrics were found in src/: this check does not read it rightly any more")
    print("\n".join(sorted(wrong)), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
