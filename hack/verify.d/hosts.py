"""Looks for what works on one machine or with one provider only: hosts and paths. Run at the top of the tree.

Scripts and manifests reach other machines through the tools' own settings, never by a host that is written down here. What may
be named: hosts reserved for examples and tests, addresses, this API's own names, and pages that a reader is sent to.
"""
import pathlib
import re
import subprocess
import sys

URL = re.compile(r"\b(?:https?|git|ssh)://(?:[^\s/\"'<>@]*@)?([A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9])")
RESERVED = re.compile(r"(^|\.)(example(\.(com|net|org))?|test|invalid|localhost|local)$|^[0-9.]+$|^0x[0-9a-f]+$", re.IGNORECASE)
SINGLE_WORD = re.compile(r"^[^.]+$")  # made up, or a variable
READ_BY_PEOPLE = {"github.com", "kubernetes.io", "kueue.sigs.k8s.io", "www.apache.org", "json-schema.org", "www.rfc-editor.org",
                  "modelcontextprotocol.io", "clang.llvm.org", "cloudevents.io", "www.standardwebhooks.com", "keepachangelog.com", "semver.org",
                  "www.contributor-covenant.org"}
# Of XML namespaces, file formats and issuers of tokens: nobody goes there.
NAMES = {"www.w3.org", "git-lfs.github.com", "token.actions.githubusercontent.com"}
KUBERNETES_OWN = re.compile(r"^kubernetes\.default(\.svc(\.cluster\.local)?)?$")
# Tests of URL parsing need URLs of every kind, and files of others are left as they are.
FREE = re.compile(r"^(tests/(unit|fuzz|e2e/manifests)/|hack/node/[a-z]+\.(mod|sum)$|LICENSE|src/gateway/web/page/vendor/[^/]*\.(js|txt)$)")


def tracked():
    answer = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=False)
    if answer.returncode == 0:
        return [pathlib.Path(name) for name in answer.stdout.decode().split("\0") if name]
    return [p for p in pathlib.Path(".").rglob("*") if p.parts[0] not in ("build", "out", ".git")]


def machine_paths():
    """Where this checkout stands, and homes; a tree that names them works here only."""
    here = pathlib.Path.cwd()
    # A checkout at the top (/repo) has the path of something else.
    found = [re.escape(str(here)) + r"\b"] if len(here.parts) > 2 else []
    return re.compile(r"(?<![\w.$}\])*-])(" + "|".join([*found, "/(?:home|Users)/[a-z][\\w.-]*/"]) + ")")


def fine(host):
    host = host.lower()
    return bool(RESERVED.search(host) or SINGLE_WORD.match(host) or KUBERNETES_OWN.match(host) or host in READ_BY_PEOPLE | NAMES)


def main():
    paths, found = machine_paths(), []
    for path in tracked():
        if not path.is_file() or path.is_symlink():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if match := paths.search(line):
                found.append(f"{path}:{number}: {match.group(1)}: a path of this machine")
            if not FREE.match(str(path)):
                found += [f"{path}:{number}: host {host}" for host in URL.findall(line) if not fine(host)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
