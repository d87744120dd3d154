"""Repositories as people have them: tags in place of branches, commits of old tools, submodules, files of Git LFS."""

import os
import subprocess
import tempfile

from cases_lifecycle import expect
from cluster import hack
from harness import case, same

PERSON = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 12\n"
LINK = f"160000 commit {'b' * 40}\tshared\n"


class Plumbing:
    """A bare repository in `folder`, whose objects are written as they are given."""

    def __init__(self, folder):
        self.folder = folder
        self.git("init", "--quiet", "--bare", "--initial-branch=main")

    def git(self, *arguments, text=""):
        command = ["git", "--git-dir", self.folder, *arguments]
        done = subprocess.run(command, input=text, text=True, check=True, capture_output=True, env={**os.environ, **PERSON})
        return done.stdout.strip()

    def tree(self, files, more=""):
        lines = "".join(f"100644 blob {self.git('hash-object', '-w', '--stdin', text=text)}\t{path}\n" for path, text in files.items())
        return self.git("mktree", "--missing", text=lines + more)

    def commit(self, files, author="a <a@example.com>", more=""):
        head = f"tree {self.tree(files, more)}\nauthor {author} 1400000000 +0000\ncommitter a <a@example.com> 1400000000 +0000\n\nx\n"
        return self.git("hash-object", "--literally", "-t", "commit", "-w", "--stdin", text=head)


@case
def repositories_as_people_have_them(space):
    """Runs of a tag, of a whole ref, of a commit with a head that git finds fault with, and of one with files that are elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        made = Plumbing(folder)
        tagged = made.commit({"run.py": "result = {'answer': 1}\n"})
        odd = made.commit({"run.py": "result = {'answer': 2}\n"}, author="Ana<ana@example.com>")
        empty = made.commit({"run.py": "result = {'answer': 3}\n", "table.csv": POINTER}, more=LINK)
        made.git("update-ref", "refs/heads/main", odd)
        made.git("update-ref", "refs/heads/data", empty)
        made.git("tag", "-a", "-m", "annotated", "v1.0", tagged)
        url = hack("repo", folder, f"{space.name}-odd")  # served from the folder, which has to stay until the runs have ended
        space.project(url=url)
        runs = {
            "odd": ({}, odd, "main", 2),
            "tag": ({"branch": "v1.0"}, tagged, "refs/tags/v1.0", 1),
            "ref": ({"branch": "refs/heads/main"}, odd, "main", 2),
            "commit": ({"branch": "main", "commitSHA": tagged}, tagged, None, 1),
            "elsewhere": ({"branch": "data"}, empty, "data", 3),
        }
        for name, (spec, *_) in runs.items():
            space.run(name, **spec)
        for name, (_, commit, branch, answer) in runs.items():
            status = space.finish(name, 90)
            expect(status, "Succeeded", "Succeeded")
            same((status["commitSHA"], status.get("branch"), status["outputs"]), (commit, branch, {"answer": answer}))
    assert "spec.branch 'main' was not looked at" in space.status("commit")["warning"]
    warning = space.status("elsewhere")["warning"]
    assert "submodules" in warning and "'shared'" in warning and "Git LFS" in warning and "'table.csv'" in warning, warning
