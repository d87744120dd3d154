"""What Debian's tools and the build know of where files come from."""

import functools
import glob
import json
import os
import re
import subprocess


class Unknown(Exception):
    """Something that should be known is not; its text says what."""


def output(*command, accept=(0,)):
    """What a command prints; Unknown if it ends with another exit code than these."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    if done.returncode not in accept:
        raise Unknown(f"{' '.join(command[:4])} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def spellings(path):
    """The paths by which dpkg may know a file: a package may have put into /lib what is in /usr/lib now."""
    path = os.path.normpath(path)
    for one in dict.fromkeys((path, os.path.realpath(path))):
        yield one
        if one.startswith("/usr/"):
            yield one.removeprefix("/usr")
        else:
            yield "/usr" + one


def owners(paths):
    """{path: package} of those paths that a package of this machine has put there."""
    wanted = {spelling: path for path in paths for spelling in spellings(path)}
    found = {}
    # 1: a path is of no package.
    for line in output("dpkg-query", "--search", *wanted, accept=(0, 1)).splitlines():
        names, _, spelling = line.partition(": ")
        if spelling in wanted and not names.startswith("diversion "):
            found.setdefault(wanted[spelling], names.split(", ")[0].split(":")[0])
    return found


@functools.cache
def installed():
    """{package: its fields} of this machine."""
    form = r"${Package}\t${Version}\t${source:Package}\t${source:Version}\t${Architecture}\t${db:Status-Status}\n"
    rows = (line.split("\t") for line in output("dpkg-query", "--show", "--showformat", form).splitlines())
    return {row[0]: dict(zip(("name", "version", "source", "source_version", "architecture"), row)) for row in rows if row[5] == "installed"}


def from_status(text):
    """The same from the text of a /var/lib/dpkg/status."""
    for stanza in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            source = re.match(r"(\S+)(?: \((.*)\))?$", fields.get("Source", fields["Package"]))
            yield {"name": fields["Package"], "version": fields["Version"], "source": source[1], "source_version": source[2] or fields["Version"],
                   "architecture": fields["Architecture"]}


GNU = ("GPL-1", "GPL-2", "GPL-3", "LGPL-2", "LGPL-3")
# Debian's short names that SPDX spells otherwise, and those it spells the same.
SPDX = {
    "Expat": "MIT", "MIT": "MIT", "Apache-2.0": "Apache-2.0", "Artistic": "Artistic-1.0-Perl", "BSL-1.0": "BSL-1.0", "Boost-1.0": "BSL-1.0", "CC0-1.0": "CC0-1.0",
    "BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause", "BSD-4-clause": "BSD-4-Clause", "ISC": "ISC", "Zlib": "Zlib", "zlib": "Zlib",
    "MPL-2.0": "MPL-2.0", "OpenSSL": "OpenSSL", "PSF-2": "PSF-2.0", "curl": "curl", "Unlicense": "Unlicense", "OpenLDAP-2.8": "OLDAP-2.8",
    **{name: f"{name}.0-only" for name in GNU},
    **{f"{name}+": f"{name}.0-or-later" for name in GNU},
    "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later",
}


def licenses(copyright_text):
    """The licences that a machine-readable copyright file names, in CycloneDX's form; none for one that people only can read."""
    if "format" not in copyright_text[:200].lower():
        return []
    names = {word.strip(" ,") for line in re.findall(r"^License:[ \t]*(\S.*)$", copyright_text, re.MULTILINE) for word in re.split(r" (?:or|and|and/or) |,", line)}
    known = sorted({SPDX[name] for name in names if name in SPDX})
    other = sorted(name for name in names if name and name not in SPDX)
    return [{"license": {"id": one}} for one in known] + [{"license": {"name": one}} for one in other]


def copyright_of(package):
    """The text of an installed package's copyright file, or an empty one."""
    try:
        with open(f"/usr/share/doc/{package}/copyright", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


@functools.cache
def headers_by_object(build):
    """{object: the files of the system that its compiler has read}, from ninja's own record."""
    found, current = {}, None
    for line in output("ninja", "-C", build, "-t", "deps").splitlines():
        if line.startswith("    "):
            if current is not None and line.startswith("    /usr/"):
                current.append(line.strip())
        elif ": #deps" in line:
            current = found.setdefault(line.split(": #deps")[0], [])
    return found


def files_of(build, program, static):
    """{file: how it gets into the program}: "compiled in" for headers, "linked" for archives."""
    inputs = [line for line in output("ninja", "-C", build, "-t", "inputs", f"bin/{program}", accept=(0, 1)).splitlines() if not line.startswith("ninja: ")]
    if not inputs:
        raise Unknown(f"{build} is not where {program} was built: ninja knows nothing of it")
    headers = headers_by_object(build)
    files = {header: "compiled in" for one in inputs for header in headers.get(one, [])}
    archives = [one for one in inputs if one.startswith("/") and one.endswith(".a")]
    libraries = ["libstdc++.a", "libgcc.a", "libgcc_eh.a", "libc.a", "libm.a"] if static else ["libgcc.a", "libc_nonshared.a"]
    archives += [output("g++", f"-print-file-name={name}").strip() for name in libraries]
    return files | {archive: "linked" for archive in archives}


def packages_of(files):
    """({package: how}, [files of no package])."""
    owned = owners(files)
    how = {}
    for file, kind in files.items():
        if file in owned and how.get(owned[file]) != "linked":
            how[owned[file]] = kind
    return how, sorted(file for file in files if file not in owned)


def vendored(folder):
    """What stands in the tree of others (hack/verify.d/vendored.py keeps it so): name and version from the first comment of each script."""
    for path in sorted(glob.glob(os.path.join(folder, "*.js"))):
        with open(path, encoding="utf-8") as file:
            match = re.search(r"([A-Za-z.]+) v([0-9.]+)", file.read(400))
        if not match:
            raise Unknown(f"{path} does not say its name and version")
        yield match[1].lower(), match[2]


def encode(value):
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
