"""The files of examples/runs that hack/demo does not run, as they stand there, on the sample project."""

import os

from cases_lifecycle import expect
from cases_points import rows_of
from cluster import ROOT, RUNS, hack, wait_for
from harness import case

EXAMPLES = os.path.join(ROOT, "examples")
NOWHERE = "0123456789abcdef0123456789abcdef01234567"  # what by-commit.yaml names


def apply(space, path, change=lambda text: text):
    with open(os.path.join(EXAMPLES, path), encoding="utf-8") as file:
        text = change(file.read())
    space.cluster.kubectl("create", "-n", space.name, "-f", "-", input=text)


def forecasts(space):
    url = hack("repo", os.path.join(EXAMPLES, "project"), space.name)
    apply(space, "modelproject.yaml", lambda text: text.replace("https://git.example.com/forecasts.git", url))
    path = f"/apis/modelrun.dev/v1alpha1/namespaces/{space.name}/modelprojects/forecasts"
    return wait_for(lambda: space.get(path).get("status", {}).get("lastCommit"), 30, "the project's source has been seen")


@case
def examples_of_a_branch_and_of_a_commit(space):
    """The commit is run as it was, though the branch has gone on and the model is no longer there."""
    commit = forecasts(space)
    apply(space, "runs/from-branch.yaml")
    from_branch = space.finish("revenue-from-branch")
    space.repo({"run.py": ""}, space.name)
    apply(space, "runs/by-commit.yaml", lambda text: text.replace(NOWHERE, commit))
    by_commit = space.finish("revenue-by-commit")
    for end in (from_branch, by_commit):
        expect(end, "Succeeded", "Succeeded")
        assert end["commitSHA"] == commit and end["outputs"]["revenue"] == [100, 110, 121], end
    assert from_branch["branch"] == "main"
    assert "branch" not in by_commit, f"the run named no branch: {by_commit['branch']}"


@case
def example_of_a_commit_that_is_not_there(space):
    """As the file stands, it says how it ends."""
    forecasts(space)
    apply(space, "runs/by-commit.yaml")
    expect(space.finish("revenue-by-commit"), "Failed", "RefNotFound")


@case
def examples_of_a_run_on_hold_and_of_runs_that_join(space):
    forecasts(space)
    apply(space, "runs/suspended.yaml")
    apply(space, "runs/join.yaml", lambda text: text + "---\n" + text)  # one right after the other
    joined = [run["metadata"]["name"] for run in space.items(RUNS) if run["metadata"]["name"].startswith("revenue-joined-")]
    ends = {name: space.finish(name) for name in joined}
    executed = [name for name, end in ends.items() if "reusedFrom" not in end]
    assert len(ends) == 2 and all(end["phase"] == "Succeeded" for end in ends.values()), ends
    assert len(executed) == 1, "one was executed, and the other has its result"
    assert space.status("revenue-held")["phase"] == "Pending"
    space.patch_run("revenue-held", suspend=False)
    expect(space.finish("revenue-held"), "Succeeded", "Succeeded")


@case
def example_of_points(space):
    forecasts(space)
    apply(space, "runs/points.yaml")
    expect(space.finish("revenue-by-growth"), "Succeeded", "Succeeded")
    rows = rows_of(space, "revenue-by-growth")
    values = [rows[i]["outputs"]["present_value"] for i in range(5)]
    assert values == sorted(values) and len(set(values)) == 5, values
    assert all(len(rows[i]["outputs"]["revenue"]) == 5 for i in range(5)), rows
