"""The release that the test begins with: which commit it is, and its programs and images, made by its own scripts and kept for the next time."""

import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

from cases_chart import PROGRAMS
from cluster import ROOT, hack

FROM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "from")
CACHE = os.path.join(os.path.dirname(PROGRAMS), "upgrade")
IMAGES = ("operator", "agent", "python", "gateway")


class Impossible(Exception):
    """Why the test cannot begin, and what to do; for people."""


def git(*words):
    """What it prints; None if it fails."""
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def last_release():
    tags = (git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname") or "").split()
    if tags:
        return tags[0]
    with open(FROM, encoding="utf-8") as file:
        return file.read().strip()


def commit_of(asked):
    """The full name of the commit, which is in this clone."""
    name = asked or last_release()
    if git("rev-parse", "--git-dir") is None:
        raise Impossible(f"{ROOT} is no clone that git can read; the release to begin with, {name}, is taken from the history")
    commit = git("rev-parse", "--verify", "--quiet", name + "^{commit}")
    if commit:
        return commit
    if git("rev-parse", "--is-shallow-repository") == "true":
        raise Impossible(f"the commit {name} is not in this clone, which is shallow. Run `git fetch --unshallow --tags`, or name another one by --from")
    raise Impossible(f"the commit {name} is not in this clone. Fetch the branch that has it, or name another one by --from")


def need_no_node():
    """One node runs on a machine, and this test installs releases of its own on it."""
    if subprocess.run([os.path.join(ROOT, "hack", "cluster"), "kubeconfig"], capture_output=True, check=False).returncode == 0:
        raise Impossible("the node of hack/cluster is up; take it down first (hack/cluster down)")


class Earlier:
    """`folder` is a checkout of the commit with its programs compiled; `archives` its images, by name."""

    def __init__(self, commit, folder, archives):
        self.commit, self.folder, self.archives = commit, folder, archives
        self.chart = os.path.join(folder, "charts", "modelrun")

    def load(self):
        """Imports the images into the node; gives what helm is told of them."""
        values = []
        for name, archive in self.archives.items():
            image, digest = hack("load", archive).split()
            values += ["--set-string", f"image.{name}={image.rsplit(':', 1)[0]}@{digest}"]
        return values


def unpacked(commit):
    folder = os.path.join(CACHE, commit[:12])
    if not os.path.isdir(folder):
        os.makedirs(CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as new, tempfile.TemporaryFile() as archive:
            subprocess.run(["git", "-C", ROOT, "archive", commit], stdout=archive, check=True)
            archive.seek(0)
            with tarfile.open(fileobj=archive) as files:
                files.extractall(os.path.join(new, "tree"), filter="tar")
            os.rename(os.path.join(new, "tree"), folder)
    return folder


def made(commit):
    """Compiles what is missing."""
    folder, begun = unpacked(commit), time.monotonic()
    print(f"the programs and images of {commit[:12]}, in {folder} ...", flush=True)
    log = os.path.join(folder, "made.log")
    environment = {name: value for name, value in os.environ.items() if name != "BINARIES"}
    # A checkout of its own cache: hack/images keeps one image of each name there.
    apart = {**environment, "XDG_CACHE_HOME": os.path.join(folder, "cache")}

    def script(name, *words, env):
        with open(log, "a", encoding="utf-8") as errors:
            done = subprocess.run([os.path.join(folder, "hack", name), *words], stdout=subprocess.PIPE, stderr=errors, env=env, text=True, check=False)
            errors.write(done.stdout)
        if done.returncode != 0:
            raise Impossible(f"hack/{name} {' '.join(words)} of {commit[:12]} failed; read on in {log}")
        return done.stdout.strip()

    script("install-deps", "build", env=environment)
    script("build", "release", env=environment)
    archives = {name: script("images", "path", name, env=apart) for name in IMAGES}
    print(f"  took {time.monotonic() - begun:.0f} s", flush=True)
    return Earlier(commit, folder, archives)


def on_a_node(test, keep):
    """Starts the node, and takes it down whatever happens, a SIGTERM included; gives what `test` gives."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("tests/upgrade/run: asked to stop"))
    try:
        subprocess.run([os.path.join(ROOT, "hack", "cluster"), "up"], check=True)
        return test()
    finally:
        if not keep:
            hack("down")
