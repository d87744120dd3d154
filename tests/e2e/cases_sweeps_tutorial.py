"""docs/sweeps.md, executed from its first command to its last on the sample project, and the outputs that it shows."""

import os
import re
import shutil
import subprocess
import tempfile

from cases_cli import KUBECTL, environment_of
from cases_examples import EXAMPLES, apply
from cluster import ROOT, hack
from harness import case

BLOCK = re.compile(r"^```(sh|text|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    with open(os.path.join(ROOT, "docs", "sweeps.md"), encoding="utf-8") as file:
        return BLOCK.findall(file.read())


def git(folder, *arguments):
    person = {f"GIT_{role}_{what}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **person}, check=True, capture_output=True)


def repository(folder, diff):
    """The sample project, with a branch on which the model has the change of the diff."""
    shutil.copytree(os.path.join(EXAMPLES, "project"), folder, dirs_exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=Forecasts")
    git(folder, "switch", "--quiet", "--create", "lower-margin")
    model = os.path.join(folder, "model", "valuation.py")
    with open(model, encoding="utf-8") as file:
        text = file.read()
    gone, come = (re.search(rf"^\{sign}(.*)$", diff, re.MULTILINE)[1] for sign in "-+")
    assert text.count(gone) == 1, f"valuation.py has no line {gone!r}"
    with open(model, "w", encoding="utf-8") as file:
        file.write(text.replace(gone, come))
    git(folder, "commit", "--quiet", "--all", "--message=A lower margin")


def missing(shown, printed):
    """The lines of `shown` that nothing printed is, as people would read them; those with … in them are not looked for."""
    words = {" ".join(line.split()) for line in printed.splitlines()}
    return [line for line in shown.splitlines() if "…" not in line and " ".join(line.split()) not in words]


@case
def documentation_of_sweeps_does_what_it_shows(space):
    """Each block of commands prints what the block of text after it shows."""
    [diff] = [text for kind, text in blocks() if kind == "diff"]
    with tempfile.TemporaryDirectory() as folder:
        code = os.path.join(folder, "code")
        repository(code, diff)
        url = hack("repo", os.path.join(code, ".git"), space.name)
        apply(space, "modelproject.yaml", lambda text: text.replace("https://git.example.com/forecasts.git", url))
        config = shutil.copy(space.cluster.kubeconfig, folder)
        environment = {**environment_of(space), "KUBECONFIG": config}
        environment["PATH"] = os.path.dirname(KUBECTL) + os.pathsep + environment["PATH"]
        subprocess.run(["kubectl", "config", "set-context", "--current", "--namespace", space.name], env=environment, check=True, capture_output=True)
        printed = ""
        for kind, text in blocks():
            if kind == "sh":
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
                printed = done.stdout
                assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
                print(f"$ {text}{printed}")
            elif kind == "text":
                lost = missing(text, printed)
                assert not lost, f"docs/sweeps.md shows {lost}, and what was printed is\n{printed}"
