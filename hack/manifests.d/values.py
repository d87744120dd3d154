"""Prints docs/values.md: every value of the chart, its default and its comment, from values.yaml. Run at the top of the tree.

Reads lines and not YAML, as comments are none of it: a comment is of the key below it, and a key without a value is a table.
"""

import re
import sys

SOURCE = "charts/modelrun/values.yaml"
# The objects below these are Kubernetes' own, and shown whole.
WHOLE = re.compile(r"(^|\.)resources$")
HEAD = """# Values of the chart

Every value, with its default. Made from the comments of [values.yaml](../charts/modelrun/values.yaml) by `hack/manifests`;
[values.schema.json](../charts/modelrun/values.schema.json) checks what is given, so that a wrong one is refused with its name.
[Installing](install.md) says which of them you may want.
"""
KEY = re.compile(r"^( *)([A-Za-z]+):(?: (.*))?$")


class Value:
    def __init__(self, path, default, comment):
        self.path, self.default, self.comment = path, default, comment


def parse(lines):
    """The values in the order of the file; the default of a table is None. Fails for a line that it does not understand."""
    above, comment, values = [], [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            comment = []
        elif line.lstrip().startswith("#"):
            comment.append(line.strip()[1:].strip())
        elif found := KEY.match(line):
            indent, name, default = found.groups()
            above = [*above[: len(indent) // 2], name]
            if len(indent) // 2 != len(above) - 1:
                sys.exit(f"{SOURCE}:{number}: indented by more than its table")
            values.append(Value(".".join(above), default, " ".join(comment)))
            comment = []
        else:
            sys.exit(f"{SOURCE}:{number}: neither a comment nor a key")
    return values


def whole(values):
    """Tables of Kubernetes' own become one value: {requests: {cpu: 50m}}."""
    result = []
    for value in values:
        if result and value.path.startswith(result[-1].path + ".") and WHOLE.search(result[-1].path):
            parts = value.path[len(result[-1].path) + 1 :].split(".")
            table = result[-1].default
            for part in parts[:-1]:
                table = table[part]
            table[parts[-1]] = {} if value.default is None else value.default
            continue
        if WHOLE.search(value.path) and value.default is None:
            value.default = {}
        result.append(value)
    return result


def flow(default):
    if isinstance(default, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in default.items()) + "}"
    return default


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def comment_of(value, tables):
    """Its own, or else that of the nearest table that has one."""
    path = value.path
    comments = {table.path: table.comment for table in tables if "." in table.path}
    comment = value.comment
    while not comment and "." in path:
        path = path.rsplit(".", 1)[0]
        comment = comments.get(path, "")
    return comment


def section(title, about, values, tables):
    yield f"\n## {title}\n\n"
    if about:
        yield f"{about}\n\n"
    yield "| value | default | |\n|---|---|---|\n"
    for value in values:
        yield f"| `{value.path}` | `{flow(value.default)}` | {cell(comment_of(value, tables))} |\n"


def page(values):
    tables = [value for value in values if value.default is None]
    leaves = [value for value in values if value.default is not None]
    missing = [value.path for value in leaves if not comment_of(value, tables)]
    if missing:
        sys.exit(f"{SOURCE}: no comment: {', '.join(missing)}")
    yield HEAD
    yield from section("General", "", [value for value in leaves if "." not in value.path], tables)
    for table in tables:
        if "." not in table.path:
            yield from section(table.path, table.comment, [value for value in leaves if value.path.startswith(table.path + ".")], tables)


def main():
    with open(SOURCE, encoding="utf-8") as file:
        lines = file.read().splitlines()
    values = whole(parse(lines))
    print("".join(page(values)).rstrip("\n"))


main()
