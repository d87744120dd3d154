"""What hack/release refuses, before it makes anything."""

import os

from harness import case
from released import RELEASE, new_key


def refused(*arguments, says, **settings):
    out = RELEASE.at("refused")
    code, said = RELEASE.attempt(*arguments, "--out", out, **settings)
    assert code != 0 and all(word in said for word in says), f"exit code {code}: {said}"
    assert not os.path.exists(out) or not os.listdir(out), os.listdir(out)


@case
def a_changed_tree_is_refused():
    clone = RELEASE.clone_at("dirty")
    stray = os.path.join(clone, "stray")
    with open(stray, "w", encoding="utf-8"):
        pass
    refused(RELEASE.version, says=["not what is committed", "stray"], clone=clone)
    os.remove(stray)
    with open(os.path.join(clone, "README.md"), "a", encoding="utf-8") as file:
        file.write("\n")
    refused(RELEASE.version, says=["not what is committed", "README.md"], clone=clone)


@case
def another_version_is_refused():
    for version in ("9.9.9", f"{RELEASE.version}-rc.1"):
        refused(version, says=[version, "has version"])
    for version in (f"v{RELEASE.version}", "1.2", "01.2.3", "latest"):
        refused(version, says=[version, "no semantic version"])
    refused(says=["which VERSION?"])


@case
def files_that_disagree_on_the_version_are_refused():
    for name, old, new in (("CMakeLists.txt", f"VERSION {RELEASE.version}", "VERSION 9.9.9"), ("charts/modelrun/Chart.yaml", "appVersion: ", "appVersion: 9")):
        clone = RELEASE.clone_at(f"other-{os.path.basename(name)}")
        path = os.path.join(clone, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert old in text, text
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        RELEASE.commit(clone)
        refused(RELEASE.version, says=[name, "has version"], clone=clone)


@case
def a_key_that_does_not_sign_is_refused():
    refused(RELEASE.version, "--key", new_key(RELEASE.at("rsa.key"), ("genrsa",)), says=["rsa.key", "ECDSA P-256"])
    refused(RELEASE.version, "--key", RELEASE.at("none.key"), says=["none.key", "ECDSA P-256"])


@case
def a_folder_with_files_is_refused():
    out = RELEASE.at("full")
    os.makedirs(os.path.join(out, "older"))
    code, said = RELEASE.attempt(RELEASE.version, "--out", out)
    assert code != 0 and "is not empty" in said, said
