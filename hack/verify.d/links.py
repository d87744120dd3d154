"""Follows the links of the Markdown files that stay inside this tree. Run at its top."""
import functools
import pathlib
import re
import sys
import urllib.parse

CODE = re.compile(r"^(```|~~~).*?^\1\s*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
SKIPPED = {"build", "out", ".git"}


def markdown_files():
    return sorted(p for p in pathlib.Path(".").rglob("*.md") if p.parts[0] not in SKIPPED)


@functools.cache
def anchors(path):
    """The ids that a forge makes of the headings."""
    text = re.sub(r"^(```|~~~).*?^\1\s*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found, seen = set(), {}
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*\s*$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = seen[name] = seen.get(name, -1) + 1
        found.add(f"{name}-{count}" if count else name)
    return found | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def problems_in(path):
    for groups in LINK.findall(CODE.sub("", path.read_text(encoding="utf-8"))):
        link = urllib.parse.unquote(groups[0] or groups[1])
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        name, _, fragment = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists():
            yield f"{path}: {link}: there is no {target}"
        elif fragment and target.suffix == ".md" and fragment not in anchors(target):
            yield f"{path}: {link}: {target} has no heading for #{fragment}"


def main():
    found = [line for path in markdown_files() for line in problems_in(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
