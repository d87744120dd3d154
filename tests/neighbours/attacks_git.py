"""Repositories and git servers."""

import contextlib

from attack import attack
from cluster import PROJECTS, reason_of, wait_for
from hostile_git import SHA, HostileGit, repository

MODEL = ("run.py", b"result = {'n': 1}\n")


def runs_of_branches(attacker, count):
    for i in range(count):
        attacker.run(f"r{i}", project="models", branch=f"b{i}")
    return [attacker.finish(f"r{i}", 180) for i in range(count)]


@attack
def commits_of_19990_long_paths(attacker):
    # Together just below the 4 MiB that the paths of one commit may have.
    commits = [[MODEL] + [(f"d{i % 40}/{'long' * 49}{i:05d}", b"%d" % c) for i in range(19989)] for c in range(4)]
    with repository(attacker.name + "-paths", commits) as url:
        attacker.project(url=url)
        attacker.begin()
        ends = runs_of_branches(attacker, 4)
    assert all(end["phase"] == "Succeeded" for end in ends), [(reason_of(end), end.get("message")) for end in ends]
    return "4 commits"


@attack
def packs_that_unfold_to_300_mebibytes(attacker):
    # As a pack they are 1.4 MiB.
    large = [(f"f{i}", bytes(60 << 20) + b"%d" % i) for i in range(5)]
    commits = [[("run.py", b"result = %d\n" % i), *large] for i in range(3)]
    with repository(attacker.name + "-bomb", commits) as url:
        attacker.project(url=url)
        attacker.begin()
        ends = runs_of_branches(attacker, 3)
        attacker.go_on()
    assert all(reason_of(end) == "SourceTooLarge" for end in ends), [(reason_of(end), end.get("message")) for end in ends]
    return "3 commits"


@contextlib.contextmanager
def projects_of(attacker, servers, repositories):
    """A project for each server and each of its repositories, by whose probe alone the operator asks it. Gives the projects."""
    with contextlib.ExitStack() as stack:
        gits = [stack.enter_context(HostileGit()) for _ in range(servers)]
        names = []
        for i, git in enumerate(gits):
            for repository_name in repositories:
                names.append(f"p{i}-{repository_name}")
                attacker.project(names[-1], url=git.url(repository_name))
        attacker.begin()
        yield names
        assert any(git.asked for git in gits), "the operator asked none of the servers"
        print(f"  the servers were asked {sum(git.asked for git in gits)} times", flush=True)


def not_ready(attacker, project):
    conditions = attacker.get(f"{PROJECTS.format(attacker.name)}/{project}").get("status", {}).get("conditions", [])
    return [c["reason"] for c in conditions if c["type"] == "Ready" and c["status"] == "False"]


def run_them(attacker, projects, **spec):
    """Two runs of each project, none of which may succeed. Gives how many."""
    names = [f"r{i}" for i in range(2 * len(projects))]
    for i, name in enumerate(names):
        attacker.run(name, project=projects[i // 2], **spec)
    attacker.go_on()
    early = [name for name in names if attacker.status(name).get("phase") == "Succeeded"]
    assert not early, early
    return len(names)


@attack
def refs_without_end_for_the_probe_alone(attacker):
    with projects_of(attacker, 2, [f"refs{i}" for i in range(4)]) as projects:
        attacker.go_on()
        wait_for(lambda: any(not_ready(attacker, project) for project in projects), 60, "a project says what is wrong")
    return f"{len(projects)} projects"


@attack
def refs_and_packs_without_end(attacker):
    with projects_of(attacker, 2, ["refs0", "refs1", "pack0", "pack1"]) as projects:
        count = run_them(attacker, projects)
    return f"{count} runs"


@attack(short=True)
def four_slow_git_servers(attacker):
    with projects_of(attacker, 4, ["slow0", "slow1"]) as projects:
        count = run_them(attacker, projects, commitSHA=SHA)
    return f"{count} runs"


@attack
def twenty_slow_git_servers(attacker):
    """More than there are threads that ask git servers. A fetch of a commit that is named may take two minutes."""
    with projects_of(attacker, 20, ["slow0"]) as projects:
        count = run_them(attacker, projects, commitSHA=SHA)
    return f"{count} runs"
