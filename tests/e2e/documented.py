"""What the pages of docs/ tell people to do, so that tests do it word for word."""

import os
import re
import shutil

DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs")


def text_of(page):
    with open(os.path.join(DOCS, page), encoding="utf-8") as file:
        return file.read()


def blocks(text, kind):
    """The fenced blocks of this kind, in their order."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def documented(words, page="quickstart.md", replaced=()):
    """The block of commands in the page that has these words, or the command between backticks; with other names, (old, new)."""
    text = text_of(page)
    found = [block for block in blocks(text, "sh") if words in block]
    found = found or [command for command in re.findall(r"`([^`\n]+)`", text) if words in command and " " in command]
    assert len(found) == 1, found
    (command,) = found
    for old, new in replaced:
        assert old in command, (old, command)
        command = command.replace(old, new)
    return command


def documented_files(heading, page):
    """{name: text} of the blocks in that section whose first line is `# NAME`."""
    section = text_of(page).split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.match(r"# (\S+)\n(.*)", block, re.DOTALL).groups() for block in blocks(section, "yaml") if block.startswith("# "))


def write_kustomization(folder, files):
    """The files, beside the folder config/ that they refer to."""
    shutil.copytree(os.path.join(os.path.dirname(DOCS), "config"), os.path.join(folder, "config"))
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
