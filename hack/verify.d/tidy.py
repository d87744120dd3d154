"""clang-tidy over src/, both cores, and only over what has changed: tidy.py CLANG_TIDY BUILD_DIRECTORY CACHE_DIRECTORY.

Files are checked several at a time, each group as one translation unit that includes them: most of the time goes into
headers that they share. Files that define the same name go into different groups; a group that does not compile all the same is
halved until it does.
A file that was clean is not checked again while it, the headers of src/ that it includes, its command line, .clang-tidy and clang-tidy
itself are what they were; CACHE_DIRECTORY remembers that as one empty file each.
"""
import concurrent.futures
import functools
import hashlib
import itertools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

GROUP = 8
# GCC says what a compiler warns of; the use of mutexes only Clang can check (src/base/mutex.h). Without the macro, libstdc++ 12 makes
# unique_ptr's destructor constexpr, which this clang instantiates too early for cpprestsdk's headers.
FLAGS = ("-Wno-everything", "-Wthread-safety", "-D_GLIBCXX23_CONSTEXPR=")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
# What .clang-format leaves at the left margin: members of namespaces, anonymous ones included. Members of classes have "::" before the name.
DEFINED = re.compile(r"^(?!using |namespace |#|//)[A-Za-z][^\n=;(){}]*?(?<!::)\b(\w+)(?:\(|\{| = | \{|\[)", re.MULTILINE)
SRC = pathlib.Path("src")


@functools.cache
def included(path):
    """The headers of src/ that `path` includes itself."""
    names = INCLUDE.findall(path.read_text(encoding="utf-8"))
    return tuple(SRC / name for name in names if (SRC / name).is_file())


def closure(path):
    seen, todo = set(), [path]
    while todo:
        for header in included(todo.pop()):
            if header not in seen:
                seen.add(header)
                todo.append(header)
    return sorted(seen)


def flags_of(entry):
    """The compiler's arguments without the compiler, the input, the outputs and GCC's precompiled headers: so what a file uses
    and does not include is found here."""
    arguments = entry.get("arguments") or shlex.split(entry["command"])
    if os.path.basename(arguments[0]) == "ccache":
        arguments = arguments[1:]
    kept, skip = [], 0
    for argument in arguments[1:]:
        if skip:
            skip -= 1
        elif argument in ("-o", "-MF", "-MT", "-MQ", "-include"):
            skip = 1
        elif argument not in ("-c", "-MD", "-MMD", "-Winvalid-pch") and argument != entry["file"]:
            kept.append(argument)
    return tuple(kept)


def sources(build):
    """{path: flags} of every .cc file below src/."""
    here = pathlib.Path.cwd()
    entries = json.loads((pathlib.Path(build) / "compile_commands.json").read_text(encoding="utf-8"))
    known = {pathlib.Path(e["file"]): flags_of(e) for e in entries}
    found = {p.relative_to(here): flags for p, flags in known.items() if p.is_relative_to(here / "src")}
    missing = sorted(set(SRC.rglob("*.cc")) - set(found))
    if missing:
        sys.exit("not built by any CMakeLists.txt: " + " ".join(map(str, missing)))
    return found


def key(path, flags, common):
    digest = hashlib.sha256(common)
    digest.update("\0".join(flag.replace(str(pathlib.Path.cwd()), ".") for flag in flags).encode())
    for file in [path, *closure(path)]:
        digest.update(f"\0{file}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def groups(files):
    """Lists of up to GROUP files of one folder and one command line that define no name twice."""
    together = {}
    for path, flags in sorted(files.items()):
        defined = set(DEFINED.findall(path.read_text(encoding="utf-8")))
        made = together.setdefault((path.parent, flags), [])
        for paths, names in made:
            if len(paths) < GROUP and names.isdisjoint(defined):
                paths.append(path)
                names |= defined
                break
        else:
            made.append(([path], defined))
    return [paths for made in together.values() for paths, _ in made]


def run_tidy(tidy, paths, flags):
    here = pathlib.Path.cwd()
    with tempfile.NamedTemporaryFile("w", suffix=".cc", encoding="utf-8") as unit:
        unit.writelines(f'#include "{here / path}"\n' for path in paths)
        unit.flush()
        checks = [] if len(paths) == 1 else ["--checks=-bugprone-suspicious-include"]
        file = str(here / paths[0]) if len(paths) == 1 else unit.name
        command = [tidy, "-quiet", f"--config-file={here}/.clang-tidy", *checks, file, "--", *flags, *FLAGS]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + ("" if done.stdout else done.stderr)


def check(tidy, paths, flags):
    """{path: what was found}; the files that are clean are not in it."""
    status, output = run_tidy(tidy, paths, flags)
    if status == 0:
        return {}
    if len(paths) == 1:
        return {paths[0]: output}
    if "clang-diagnostic-" in output:
        half = len(paths) // 2
        return {**check(tidy, paths[:half], flags), **check(tidy, paths[half:], flags)}
    named = [path for path in paths if f"{path}:" in output]
    # A finding in a header belongs to no one file: all of them stay unchecked.
    return {path: output if path == (named or paths)[0] else "" for path in (named or paths)}


def findings(output):
    """The output's findings, each with the lines that belong to it; a header's come once for every group."""
    here = str(pathlib.Path.cwd()) + "/"
    return re.split(r"^(?=\S+:\d+:\d+: (?:error|warning):)", output.replace(here, ""), flags=re.MULTILINE)


def main(tidy, build, cache):
    cache = pathlib.Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([tidy, "--version"], capture_output=True, check=True).stdout
    common = version + " ".join(FLAGS).encode() + pathlib.Path(".clang-tidy").read_bytes()
    files = sources(build)
    keys = {path: key(path, flags, common) for path, flags in files.items()}
    todo = {path: flags for path, flags in files.items() if not (cache / keys[path]).exists()}
    print(f"tidy: {len(todo)} of {len(files)} files are new or have changed", flush=True)
    failed, printed = False, set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(check, tidy, paths, todo[paths[0]]): paths for paths in groups(todo)}
        for number, done in enumerate(concurrent.futures.as_completed(running), 1):
            found = done.result()
            for path in running[done]:
                if path in found:
                    failed = True
                else:
                    (cache / keys[path]).touch()
            for finding in itertools.chain(*map(findings, found.values())):
                if finding not in printed:
                    print(finding, end="", flush=True)
                    printed.add(finding)
            print(f"[{number}/{len(running)}] {running[done][0].parent}", flush=True)
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
