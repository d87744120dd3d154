"""One release, made when the first test asks for it, and the means to make others."""

import datetime
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(ROOT, "hack"))
import oci  # noqa: E402  # hack/oci.py
BINARIES = os.environ.get("BINARIES", os.path.join(ROOT, "build", "release", "bin"))
REGISTRY = "registry.example.com:5000/team"
URL = "https://downloads.example.com/modelrun"
COMMITTED = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
IMAGES = ["operator", "agent", "gateway", "python"]


def run(*command, cwd=ROOT, environment=None, timeout=600):
    """Exit code, and what it says on both streams."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=timeout)
    return done.returncode, done.stdout


def must(*command, **settings):
    code, said = run(*command, **settings)
    assert code == 0, f"{command}: exit code {code}: {said[-2000:]}"
    return said


def new_key(path, kind=("ecparam", "-name", "prime256v1", "-genkey", "-noout")):
    must("openssl", *kind, "-out", path)
    return path


class Release:
    """A context manager: what it makes is in a directory that is removed at its end."""

    def __enter__(self):
        self.work = tempfile.mkdtemp(prefix="modelrun-release-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.work, ignore_errors=True)

    def at(self, *names):
        return os.path.join(self.work, *names)

    @functools.cached_property
    def version(self):
        with open(os.path.join(ROOT, "charts", "modelrun", "Chart.yaml"), encoding="utf-8") as file:
            return re.search(r"^version: (\S+)", file.read(), re.MULTILINE)[1]

    @functools.cached_property
    def clone(self):
        """The tree as it is, committed: what was changed and not committed is part of what is tested."""
        return self.clone_at("clone")

    def clone_at(self, name):
        folder = self.at(name)
        os.makedirs(folder)
        names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        there = b"\0".join(one for one in names.split(b"\0") if one and os.path.lexists(os.path.join(ROOT.encode(), one)))
        subprocess.run(["xargs", "-0", "cp", "--archive", "--parents", "--target-directory", folder], cwd=ROOT, input=there, check=True)
        must("git", "init", "--quiet", cwd=folder)
        must("git", "add", "--all", cwd=folder)
        self.commit(folder)
        return folder

    @staticmethod
    def commit(folder):
        must("git", "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--all", "--allow-empty", "--message", "Test",
             cwd=folder, environment={f"GIT_{who}_DATE": COMMITTED.isoformat() for who in ("COMMITTER", "AUTHOR")})

    def attempt(self, *arguments, clone=None, environment=None):
        return run(os.path.join(clone or self.clone, "hack", "release"), *arguments, environment={"BINARIES": BINARIES, **(environment or {})})

    @functools.cached_property
    def key(self):
        return new_key(self.at("release.key"))

    @functools.cached_property
    def folder(self):
        """Where the release is; made with a key."""
        must(os.path.join(ROOT, "hack", "install-deps"), "build", "cluster", "release")
        if "BINARIES" not in os.environ:
            must(os.path.join(ROOT, "hack", "build"), "release", "kubectl-modelrun-static")
        out = self.at("dist")
        code, said = self.attempt(self.version, "--out", out, "--registry", REGISTRY, "--url", URL, "--key", self.key)
        assert code == 0, said
        return out

    def file(self, name):
        return os.path.join(self.folder, name)

    @functools.cached_property
    def architecture(self):
        return oci.architecture()

    def image(self, name):
        return self.file(f"modelrun-{name}-{self.version}-linux-{self.architecture}.oci.tar")

    def sbom(self, name):
        return self.file(f"{name}-{self.version}-linux-{self.architecture}.cdx.json")

    @property
    def plugin(self):
        return self.file(f"kubectl-modelrun-{self.version}-linux-{self.architecture}.tar.gz")


RELEASE = Release()
