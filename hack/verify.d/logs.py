"""Compares the messages that the long-running programs log with the tables in docs/logs.md: words, level and fields. Run at the top
of the tree.

A message is the literal at the beginning of a call of log::debug(), info(), warn(), error() or write(); a call whose message is no literal passes
on the words of an event, which the page describes in prose.
"""
import pathlib
import re
import sys

from calls import arguments

PAGE = pathlib.Path("docs/logs.md")
CALL = re.compile(r"\blog::(debug|info|warn|error|write)\(")
STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"")
FIELD = re.compile(r"\{\s*\"(\w+)\"\s*,")
ROW = re.compile(r"^\| `([^`]+)` \| (debug|info|warn|error|depends) \|([^|]*)\|", re.MULTILINE)


def in_source():
    """{(message, level, fields): place}"""
    found = {}
    for path in sorted(pathlib.Path("src").rglob("*")):
        if path.suffix not in (".cc", ".h") or path.parts[:2] == ("src", "cli") or path.stem == "log":
            continue
        text = path.read_text(encoding="utf-8")
        for call in CALL.finditer(text):
            words = arguments(text, call.end() - 1)
            head, brace, tail = words.partition("{{")
            fields = tuple(sorted(FIELD.findall("{" + tail))) if brace else ()
            level = {"write": "depends"}.get(call[1], call[1])
            for message in STRING.findall(head):
                found[message, level, fields] = f"{path}:{text.count(chr(10), 0, call.start()) + 1}"
    return found


def on_page():
    return {(message, level, tuple(sorted(re.findall(r"`(\w+)`", fields)))) for message, level, fields in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def main():
    source, page = in_source(), on_page()
    wrong = [f"{source[each]}: {PAGE} does not have {each}" for each in source.keys() - page]
    wrong += [f"{PAGE}: no such message in src/: {each}" for each in page - source.keys()]
    if len(source) < 30:
        wrong.append(f"only {len(source)} messages were found in src/: this check does not read it rightly any more")
    print("\n".join(sorted(wrong)), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
