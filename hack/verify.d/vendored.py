"""Compares the files of others in src/gateway/web/page/vendor with their digests, and the texts that name their version with each
other. With --npm also with the package that they come from, by its digest in the README. Run at the top of the tree."""

import base64
import hashlib
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

FOLDER = pathlib.Path("src/gateway/web/page/vendor")
LIST = FOLDER / "SHA256SUMS"
OURS = {"README.md", LIST.name}
BANNER = re.compile(r"Chart\.js v(\S+)")
NAMED_IN = [FOLDER / "README.md", FOLDER / "chart.js-license.txt", pathlib.Path("docs/dependencies.md")]


def digests():
    """What is wrong with the files, by the list of their digests."""
    listed = dict(reversed(line.split("  ", 1)) for line in LIST.read_text(encoding="ascii").splitlines())
    for path in sorted(FOLDER.iterdir()):
        if path.name not in OURS and path.name not in listed:
            yield f"{path}: has no line in {LIST}"
    for name, digest in listed.items():
        path = FOLDER / name
        if not path.is_file():
            yield f"{path}: is in {LIST}, and is not there"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield f"{path}: has another digest than {LIST} says: take the package's own file, unchanged"


def version():
    return BANNER.search((FOLDER / "chart.umd.min.js").read_text(encoding="utf-8")[:200]).group(1)


def names():
    for path in NAMED_IN:
        if f"Chart.js {version()}" not in path.read_text(encoding="utf-8"):
            yield f"{path}: does not name Chart.js {version()}, which {FOLDER} holds"


def package():
    """What differs from npm's package."""
    wanted = re.search(r"sha512-(\S+)", (FOLDER / "README.md").read_text(encoding="utf-8")).group(1)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"chart.js@{version()}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (path,) = pathlib.Path(folder).glob("*.tgz")
        if base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode() != wanted:
            yield f"{path.name}: npm's package has another digest than the README says"
        with tarfile.open(path) as archive:
            if archive.extractfile("package/dist/chart.umd.min.js").read() != (FOLDER / "chart.umd.min.js").read_bytes():
                yield "chart.umd.min.js: differs from the package's"


found = [*digests(), *names(), *(package() if "--npm" in sys.argv[1:] else ())]
print("\n".join(found), end="\n" if found else "")
sys.exit(bool(found))
