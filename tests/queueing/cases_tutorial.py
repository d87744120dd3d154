"""docs/queueing.md, executed from its first command to its last on the sample project, but for the installation of Kueue."""

import os
import shutil
import subprocess
import tempfile

from cases_cli import KUBECTL, environment_of
from cases_examples import EXAMPLES
from cases_sweeps_tutorial import BLOCK, missing
from cluster import hack, wait_for
from documented import text_of
from harness import case

URL = "https://git.example.com/forecasts.git"


def shell(text, folder, environment):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


@case
def documentation_of_queueing_does_what_it_shows(space):
    """Each block of commands prints what the block of text after it shows."""
    for team in ("team-a", "team-b"):
        assert not space.exists(f"/api/v1/namespaces/{team}"), f"there is a namespace {team} already"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(EXAMPLES, os.path.join(folder, "examples"))
        path = os.path.join(folder, "examples", "queueing", "project.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert URL in text
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(URL, hack("repo", os.path.join(EXAMPLES, "project"), space.name)))
        environment = environment_of(space)
        environment["PATH"] = os.path.dirname(KUBECTL) + os.pathsep + environment["PATH"]
        try:
            walk(folder, environment)
        finally:
            subprocess.run(["kubectl", "delete", "namespace", "team-a", "team-b", "--ignore-not-found"], env=environment, check=False, capture_output=True)
        wait_for(lambda: not space.exists("/api/v1/namespaces/team-a"), 60, "the tutorial cleans up")


def walk(folder, environment):
    printed = ""
    for kind, text in BLOCK.findall(text_of("queueing.md")):
        if kind == "sh" and "helm install kueue" not in text:
            printed = shell(text, folder, environment)
            print(f"$ {text}{printed}")
        elif kind == "text":
            lost = missing(text, printed)
            assert not lost, f"docs/queueing.md shows {lost}, and what was printed is\n{printed}"
