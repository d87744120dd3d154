"""Holds the link arrows of src/: which folder may include which. Run at the top of the tree."""
import pathlib
import re
import sys

# A folder may include itself and these. A folder inside another counts as its parent, unless it stands here itself; a
# room that stands here may not include its parent's own files.
ALLOWED = {
    "base": "",
    "net": "base",
    "api": "base",
    "sweep": "api base",
    "kube": "sweep api base",
    "kube/cpprest": "kube api base",
    "outbound": "kube api base",
    "runtime": "kube api base",
    "traces": "outbound runtime kube api base",
    "cloudevents": "outbound kube api base",
    "source": "base",
    # What parses the bytes of git servers. Nobody else may include it, so that none of it is in the operator.
    "source/git": "source base",
    "runserver": "api base net source",
    # The decisions are pure: they see no client, no cache and no server.
    "controller/run": "api base",
    "controller/project": "controller/run api base",
    "controller/sweep": "controller/run sweep api base",
    "controller/resources": "controller/run controller/sweep api base",
    "controller/caches": "controller/run controller/sweep runtime kube api base",
    "controller/sources": "controller/run controller/project source runtime kube api base",
    "controller/pods": "controller/run controller/caches controller/sources runserver runtime source api base",
    # Its own files see all of its rooms.
    "controller": "controller/run controller/project controller/sweep controller/resources controller/caches controller/sources controller/pods "
    "runserver runtime traces cloudevents source kube sweep api base",
    "sandbox": "api base",
    # Knows nothing of runs, tokens or tools.
    "gateway/http": "net base",
    "gateway/auth": "kube api base",
    # runtime: the cache of runs is one of its stores.
    "gateway/runs": "gateway/auth runtime kube sweep api base",
    "gateway/tools": "gateway/runs gateway/auth sweep api base",
    "gateway/web": "gateway/tools gateway/runs gateway/auth gateway/http traces runtime net sweep api base",
    "gateway": "gateway/web gateway/tools gateway/runs gateway/auth gateway/http traces runtime kube net api base",
    # try: takes the agent's part for a model on this machine, and judges its end as the operator does.
    "cli": "controller/run sandbox sweep kube api base",
    "operator": "controller controller/run controller/caches controller/pods controller/sources runserver source traces cloudevents runtime kube api base",
}
# The only ones that choose how requests travel.
USE_CPPREST = ("operator", "cli", "gateway", "gateway/auth", "outbound")

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def folder_of(path):
    """The entry of ALLOWED that a path below src/ belongs to; None when there is none."""
    parts = pathlib.PurePath(path).parts[:-1]
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in ALLOWED:
            return "/".join(parts[:length])
    return None


def allowed(folder, target):
    extra = ["kube/cpprest"] if folder in USE_CPPREST else []
    return target == folder or target in ALLOWED[folder].split() + extra


def problems_in(path):
    folder = folder_of(path.relative_to("src"))
    if folder is None:
        yield f"{path}: this folder has no arrows yet (hack/verify.d/includes.py)"
        return
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".h" and "#pragma once" not in text:
        yield f"{path}: no #pragma once"
    for quote, name in INCLUDE.findall(text):
        if quote == "<":
            if name.split("/")[0] in ("cpprest", "pplx") and folder != "kube/cpprest":
                yield f"{path}: <{name}> belongs in src/kube/cpprest only"
        elif not (pathlib.Path("src") / name).is_file():
            yield f'{path}: "{name}" is no file below src/'
        elif not allowed(folder, folder_of(name)):
            yield f'{path}: "{name}": {folder} may not include {folder_of(name)}'


def main():
    found = [line for path in sorted(pathlib.Path("src").rglob("*.[ch]*")) if path.suffix in (".h", ".cc") for line in problems_in(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
